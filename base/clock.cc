#include "base/clock.h"

#include <chrono>

namespace nearhit {

namespace {
template <typename Source>
std::int64_t MicrosOf() {
  const auto now = Source::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

class SystemClock final : public Clock {
 public:
  std::int64_t NowMicros() const override { return MicrosOf<std::chrono::system_clock>(); }
  std::int64_t SteadyMicros() const override { return MicrosOf<std::chrono::steady_clock>(); }
};
}  // namespace

const Clock& Clock::System() {
  static const SystemClock* const clock = new SystemClock;
  return *clock;
}

}  // namespace nearhit
