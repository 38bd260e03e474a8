#include "base/clock.h"

#include <chrono>

namespace nearhit {

namespace {
class SystemClock final : public Clock {
 public:
  std::int64_t NowMicros() const override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }
};
}  // namespace

const Clock& Clock::System() {
  static const SystemClock* const clock = new SystemClock;
  return *clock;
}

}  // namespace nearhit
