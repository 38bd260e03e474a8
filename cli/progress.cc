#include "cli/progress.h"

#include <algorithm>

#include "cli/output.h"

namespace nearhit {

std::string FormatProgress(const ProgressState& state) {
  constexpr std::size_t kWidth = 24;
  std::string text;
  if (state.total > 0) {
    const double done =
        std::min(1.0, static_cast<double>(state.position) / static_cast<double>(state.total));
    const auto filled = static_cast<std::size_t>(done * kWidth);
    const std::string percent = std::to_string(static_cast<int>(done * 100));
    text = '[' + std::string(filled, '=') + (filled < kWidth ? ">" : "") +
           std::string(kWidth - std::min(kWidth, filled + 1), ' ') + "] " +
           std::string(3 - percent.size(), ' ') + percent + "%  ";
  }
  text += FormatCount(state.items) + " done";
  if (state.seconds > 0) {
    text +=
        "  " +
        FormatCount(static_cast<std::uint64_t>(static_cast<double>(state.items) / state.seconds)) +
        "/s";
    if (state.position > state.position_at_start && state.position < state.total) {
      const double per_byte =
          state.seconds / static_cast<double>(state.position - state.position_at_start);
      const double left = per_byte * static_cast<double>(state.total - state.position);
      text += "  ETA " + FormatDurationMs(static_cast<std::int64_t>(left * 1e3));
    }
  }
  return text;
}

void ProgressBar::Update(const ProgressState& state) {
  const auto now = std::chrono::steady_clock::now();
  if (out_ == nullptr || (visible_ && now - drawn_ < std::chrono::milliseconds(200))) {
    return;
  }
  drawn_ = now;
  visible_ = true;
  *out_ << "\r\x1b[K" << FormatProgress(state) << std::flush;
}

void ProgressBar::Clear() {
  if (visible_) {
    *out_ << "\r\x1b[K" << std::flush;
    visible_ = false;
  }
}

}  // namespace nearhit
