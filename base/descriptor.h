#pragma once

#include <unistd.h>
#include <utility>

namespace nearhit {

// An open file, closed at the end of its scope. Thread-safety: immutable.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}  // takes it; negative: none
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace nearhit
