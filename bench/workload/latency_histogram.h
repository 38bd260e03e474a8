// Latencies of any range in fixed memory, for percentiles that are right to 0.8 %.
//
// A log-linear histogram in the manner of HdrHistogram, which Debian 12 has no package of: values
// under 256 ns have a bucket each, every doubling above that has 128.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace nearhit::bench {

// Thread-safety: externally synchronized.
class LatencyHistogram {
 public:
  // Longer ones count as this: about 73 minutes.
  static constexpr std::uint64_t kMaxNanos = (std::uint64_t{1} << 42U) - 1;

  void Record(std::uint64_t nanos);
  void Merge(const LatencyHistogram& other);
  void Clear() { *this = LatencyHistogram(); }

  std::uint64_t count() const { return count_; }
  std::uint64_t max_nanos() const { return max_; }
  double mean_nanos() const;
  // The value that a share `q` (in [0, 1]) of the recorded ones does not exceed: the upper end of
  // its bucket, and never more than the maximum. 0 when nothing was recorded.
  std::uint64_t Quantile(double q) const;

 private:
  static constexpr unsigned kLinearBits = 8;
  static constexpr std::size_t kLinear = std::size_t{1} << kLinearBits;
  static constexpr std::size_t kPerDoubling = kLinear / 2;
  static constexpr std::size_t kBuckets = kLinear + (42 - kLinearBits) * kPerDoubling;

  static std::size_t BucketOf(std::uint64_t nanos);
  static std::uint64_t UpperEnd(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace nearhit::bench
