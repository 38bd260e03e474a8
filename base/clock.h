// Time as a dependency, so that tests set it.
#pragma once

#include <cstdint>

namespace nearhit {

// Wall-clock microseconds since 1970.
//
// Thread-safety: thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  virtual std::int64_t NowMicros() const = 0;

  // The operating system's clock. Never destroyed.
  static const Clock& System();

 protected:
  Clock() = default;
};

}  // namespace nearhit
