#include "bench/workload/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace nearhit::bench {

std::size_t LatencyHistogram::BucketOf(std::uint64_t nanos) {
  if (nanos < kLinear) {
    return nanos;
  }
  const auto doubling = static_cast<unsigned>(std::bit_width(nanos)) - kLinearBits;  // >= 1
  const std::uint64_t top = nanos >> doubling;  // in [kPerDoubling, kLinear)
  return kLinear + (doubling - 1) * kPerDoubling + (top - kPerDoubling);
}

std::uint64_t LatencyHistogram::UpperEnd(std::size_t bucket) {
  if (bucket < kLinear) {
    return bucket;
  }
  const std::size_t doubling = (bucket - kLinear) / kPerDoubling + 1;
  const std::uint64_t top = (bucket - kLinear) % kPerDoubling + kPerDoubling;
  return ((top + 1) << doubling) - 1;
}

void LatencyHistogram::Record(std::uint64_t nanos) {
  nanos = std::min(nanos, kMaxNanos);
  ++buckets_[BucketOf(nanos)];
  ++count_;
  max_ = std::max(max_, nanos);
  sum_ += static_cast<double>(nanos);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) {
    buckets_[i] += other.buckets_[i];
  }
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double LatencyHistogram::mean_nanos() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t LatencyHistogram::Quantile(double q) const {
  const double share = std::clamp(q, 0.0, 1.0) * static_cast<double>(count_);
  const std::uint64_t rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) {
      return std::min(UpperEnd(bucket), max_);
    }
  }
  return max_;
}

}  // namespace nearhit::bench
