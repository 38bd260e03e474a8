// Time as a dependency, so that tests set it.
#pragma once

#include <cstdint>

namespace nearhit {

// Thread-safety: thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  // Wall-clock microseconds since 1970: for what outlives the process.
  virtual std::int64_t NowMicros() const = 0;
  // Microseconds since some time in the past, whatever the wall clock is set to: for what does not.
  virtual std::int64_t SteadyMicros() const = 0;

  // The operating system's clocks. Never destroyed.
  static const Clock& System();

 protected:
  Clock() = default;
};

}  // namespace nearhit
