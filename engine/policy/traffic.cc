#include "engine/policy/traffic.h"

#include <algorithm>
#include <cmath>

namespace nearhit {

bool Traffic::Observe(bool near, std::optional<float> odds) {
  if (near) {
    near_.fetch_add(1, std::memory_order_relaxed);
    recent_near_.fetch_add(1, std::memory_order_relaxed);
  }
  if (odds && std::isfinite(*odds)) {
    const float bin = std::clamp((*odds - kLowest) / kWidth, 0.0F, static_cast<float>(kBins - 1));
    bins_[static_cast<std::size_t>(bin)].fetch_add(1, std::memory_order_relaxed);
  }
  const std::uint64_t requests = requests_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (recent_requests_.fetch_add(1, std::memory_order_relaxed) + 1 == kRecent) {
    recent_near_.store(recent_near_.load(std::memory_order_relaxed) / 2, std::memory_order_relaxed);
    recent_requests_.fetch_sub(kRecent / 2, std::memory_order_relaxed);
  }
  if (requests == kWindow) {
    Fade();
  }
  return requests % kInterval == 0;
}

// Counts that come in meanwhile may be lost or doubled: a few of thousands.
void Traffic::Fade() {
  for (std::atomic<std::uint64_t>& count : bins_) {
    count.store(count.load(std::memory_order_relaxed) / 2, std::memory_order_relaxed);
  }
  near_.store(near_.load(std::memory_order_relaxed) / 2, std::memory_order_relaxed);
  requests_.fetch_sub(kWindow / 2, std::memory_order_relaxed);
}

float Traffic::RequestsPerNear() const {
  const auto near = recent_near_.load(std::memory_order_relaxed);
  const auto requests = recent_requests_.load(std::memory_order_relaxed);
  const auto ratio = [](std::uint64_t all, std::uint64_t part) {
    return std::max(1.0F, static_cast<float>(all) / static_cast<float>(part));
  };
  if (near >= kLeastRecent) {
    return ratio(requests, near);
  }
  return near_ < kLeastNear ? 0 : ratio(requests_, near_);
}

double Traffic::Count(std::size_t bin) const {
  return static_cast<double>(bins_[bin].load(std::memory_order_relaxed));
}

double Traffic::Wrong(std::size_t bin) const {
  return Count(bin) / (1 + std::exp(static_cast<double>(OddsOf(bin) + kWidth / 2)));
}

float Traffic::LeastOdds(float max_error) const {
  const double allowed = static_cast<double>(max_error) * static_cast<double>(requests());
  double wrong = 0;
  std::size_t bin = kBins;
  while (bin > 0) {
    wrong += Wrong(bin - 1);
    if (wrong * kMargin > allowed) {
      break;
    }
    --bin;
  }
  return OddsOf(bin);
}

Traffic::Shares Traffic::From(float least_odds) const {
  double served = 0;
  double wrong = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    if (OddsOf(bin) + kWidth / 2 >= least_odds) {
      served += Count(bin);
      wrong += Wrong(bin);
    }
  }
  const double all = std::max(1.0, static_cast<double>(requests()));
  return {.served = static_cast<float>(served / all), .wrong = static_cast<float>(wrong / all)};
}

}  // namespace nearhit
