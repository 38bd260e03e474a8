// Times of a lookup's trace.
#pragma once

#include <chrono>
#include <cstdint>

#include "nearhit/lookup.h"

namespace nearhit {

inline std::int64_t MicrosSince(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               began)
      .count();
}

// Adds the time until its end to a field of a trace, if there is one.
//
// Thread-safety: owned by one thread.
class Stopwatch {
 public:
  Stopwatch(LookupTrace* trace, std::int64_t LookupTrace::*field)
      : micros_(trace == nullptr ? nullptr : &(trace->*field)) {
    if (micros_ != nullptr) {
      began_ = std::chrono::steady_clock::now();
    }
  }
  ~Stopwatch() {
    if (micros_ != nullptr) {
      *micros_ += MicrosSince(began_);
    }
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  std::int64_t* const micros_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace nearhit
