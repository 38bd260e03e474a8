// Memory that was used and is free again, back to the system.
#pragma once

#include <chrono>
#include <cstddef>

namespace nearhit::server {

// The C library keeps what was freed: after a burst of large answers or of connections a process
// stays as large as it was then. Giving it back takes a walk through all of it, so that is done
// when there is something to gain: after kReleased bytes of answers, or when the process has grown
// by kGrown, then at most once in kPause.
//
// Thread-safety: externally synchronized.
class MemoryTrimmer {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kReleased = std::size_t{64} << 20;
  static constexpr std::size_t kGrown = std::size_t{256} << 20;
  static constexpr std::chrono::seconds kPause{30};

  // `released`: bytes of answers let go since the last call. `resident`: what the process has now.
  // Whether to trim; Trimmed() is to follow.
  bool IsDue(std::size_t released, std::size_t resident, TimePoint now);
  void Trimmed(std::size_t resident, TimePoint now);

 private:
  std::size_t released_ = 0;
  std::size_t least_ = 0;  // resident, since the last trim; 0: not known
  TimePoint next_{};
};

// What the process has in memory, in bytes; 0 when it cannot be read.
std::size_t ResidentBytes();
void TrimMemory();

}  // namespace nearhit::server
