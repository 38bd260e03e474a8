// Threads that do one thing again and again beside a test.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

namespace nearhit {

class RepeatingThreads {
 public:
  // Each calls work() until it is told to stop.
  template <typename Work>
  RepeatingThreads(int count, Work work) {
    threads_.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, work] {
        while (!stop_.load()) {
          work();
        }
      });
    }
  }
  ~RepeatingThreads() { Stop(); }
  RepeatingThreads(const RepeatingThreads&) = delete;
  RepeatingThreads& operator=(const RepeatingThreads&) = delete;

  // Returns when all of them have ended.
  void Stop() {
    stop_.store(true);
    for (std::thread& thread : std::exchange(threads_, {})) {
      thread.join();
    }
  }

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

}  // namespace nearhit
