#include "engine/policy/traffic_budget.h"

#include <algorithm>
#include <cmath>

namespace nearhit {

TrafficBudget::TrafficBudget(float max_error, float calibrated)
    : max_error_(max_error), calibrated_(calibrated), least_(calibrated) {
}

void TrafficBudget::Observe(const float* odds) {
  if (odds != nullptr) {
    const float bin = std::clamp((*odds - kLowest) / kWidth, 0.0F, static_cast<float>(kBins - 1));
    bins_[static_cast<std::size_t>(bin)].fetch_add(1, std::memory_order_relaxed);
  }
  if ((requests_.fetch_add(1, std::memory_order_relaxed) + 1) % kInterval == 0) {
    Update();
  }
}

// Two threads at once compute nearly the same; either is as good.
void TrafficBudget::Update() {
  const auto requests = static_cast<double>(requests_.load(std::memory_order_relaxed));
  double wrong = 0;
  std::size_t bin = kBins;
  while (bin > 0) {
    const float odds = kLowest + kWidth * static_cast<float>(bin - 1);
    const auto count = static_cast<double>(bins_[bin - 1].load(std::memory_order_relaxed));
    wrong += count / (1 + std::exp(static_cast<double>(odds + kWidth / 2)));
    if (wrong * kMargin > static_cast<double>(max_error_) * requests) {
      break;
    }
    --bin;
  }
  const float least = kLowest + kWidth * static_cast<float>(bin);
  least_.store(std::max(calibrated_, least), std::memory_order_relaxed);
  if (requests >= static_cast<double>(kWindow)) {
    for (std::atomic<std::uint64_t>& count : bins_) {
      count.store(count.load(std::memory_order_relaxed) / 2, std::memory_order_relaxed);
    }
    requests_.store(kWindow / 2, std::memory_order_relaxed);
  }
}

}  // namespace nearhit
