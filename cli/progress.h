// A progress line that redraws itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

namespace nearhit {

// "[=====>    ]  51%  12,345 done  1,234/s  ETA 10.0 s". Without a known total (0) there is neither
// a bar nor an ETA. `position_at_start` is where an earlier run had stopped.
struct ProgressState {
  std::uint64_t items = 0;
  std::uint64_t position = 0;
  std::uint64_t total = 0;
  std::uint64_t position_at_start = 0;
  double seconds = 0;
};
std::string FormatProgress(const ProgressState& state);

// Thread-safety: externally synchronized.
class ProgressBar {
 public:
  // Draws nothing when `out` is null.
  explicit ProgressBar(std::ostream* out) : out_(out) {}

  // Draws at most five times a second.
  void Update(const ProgressState& state);
  // Removes the line.
  void Clear();

 private:
  std::ostream* out_;
  std::chrono::steady_clock::time_point drawn_{};
  bool visible_ = false;
};

}  // namespace nearhit
