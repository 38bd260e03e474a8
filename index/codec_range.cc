// Codec: how far a score of codes may be from the score of the vectors, and that score itself.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

#include "index/codec.h"

namespace nearhit {

namespace {

// Rounding to codes moves each component by up to half a step, and which way is as good as random
// after the rotation. So under an inner product the error is a sum of independent parts, that of
// the query's rounding and that of the record's, of which each has a deviation of step / sqrt(12)
// times the length of the other vector. It is bounded by six of those: one of a billion is beyond.
constexpr float kDeviations = 6;
const float kPerStep = kDeviations / std::sqrt(12.0F);
// Of so few components the largest error there can be is no greater than that.
constexpr std::size_t kFew = 16;
// Float arithmetic of the rotation and of the score itself, in shares of the lengths.
constexpr float kRounding = 4e-6F;
// Products of the smallest floats are lost.
constexpr float kLost = 1e-36F;
// The step of a record or query whose components were too small for codes.
constexpr float kLeastStep = 238 * std::numeric_limits<float>::min();

}  // namespace

// In float64: squares of the smallest floats are lost.
float Codec::DotError(const EncodedQuery& query, float step, float squared_norm,
                      float shift) const {
  const float query_step = std::max(query.scale, kLeastStep);
  const double query_norm = query.squared_norm;
  const double record_norm = squared_norm;
  const auto lengths = static_cast<float>(std::sqrt(query_norm * record_norm));
  const float error = kRounding * (lengths + std::abs(shift)) + kLost;
  const auto components = static_cast<float>(dimension());
  if (dimension() <= kFew) {
    const float half = 0.5F * std::sqrt(components);
    return error + half * (query_step * std::sqrt(squared_norm) +
                           step * std::sqrt(query.squared_norm) + half * query_step * step);
  }
  const double squares = record_norm * query_step * query_step + query_norm * step * step;
  return error + kPerStep * static_cast<float>(std::sqrt(squares)) +
         components / 8 * query_step * step;
}

float Codec::LargestError(const EncodedQuery& query, const Largest& largest) const {
  if (!is_dot() || encoding() != Encoding::kInt8 || query.scale == kTooFar ||
      largest.step >= kTooFar) {
    return std::numeric_limits<float>::infinity();
  }
  return DotError(query, std::max(largest.step, kLeastStep), largest.squared_norm, largest.shift);
}

void Codec::Enlarge(const std::byte* record, Largest* largest) const {
  if (encoding() == Encoding::kInt8) {
    Int8Header header{};
    std::memcpy(&header, record, sizeof(header));
    largest->step = std::max(largest->step, header.scale);
    largest->squared_norm = std::max(largest->squared_norm, header.squared_norm);
    largest->shift = std::max(largest->shift, std::abs(header.shift));
  }
}

ScoreRange Codec::RangeOf(const EncodedQuery& query, const std::byte* record, float score) const {
  if (encoding() == Encoding::kFloat32) {
    return {.low = score, .high = score};
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  if (query.scale == kTooFar || header.scale == kTooFar) {
    constexpr float kAny = std::numeric_limits<float>::max();
    return {.low = -kAny, .high = kAny};
  }
  const float query_step = std::max(query.scale, kLeastStep);
  const float record_step = std::max(header.scale, kLeastStep);
  const auto components = static_cast<float>(dimension());
  if (is_dot()) {
    const float error = DotError(query, record_step, header.squared_norm, header.shift);
    return {.low = score - error, .high = score + error};
  }
  // The triangle inequality, with the length of what rounding added to both: for vectors nearer to
  // each other than a step the error of a distance is not independent of it.
  const float typical = std::sqrt(components / 12) * (1 + 2.7F / std::sqrt(components));
  const float moved =
      (dimension() <= kFew ? 0.5F * std::sqrt(components) : typical) * (query_step + record_step) +
      kRounding * (std::sqrt(query.squared_norm) + std::sqrt(header.squared_norm));
  // 2 * product - norms is exact to a share of the norms only.
  const float cancelled = 1e-6F * (query.squared_norm + header.squared_norm) + kLost;
  const float farthest = std::sqrt(std::max(0.0F, -score) + cancelled) + moved;
  const float nearest = std::sqrt(std::max(0.0F, -score - cancelled)) - moved;
  return {.low = -farthest * farthest - kLost,
          .high = nearest > 0 ? -nearest * nearest + kLost : kLost};
}

float Codec::RoughBound(const EncodedQuery& query, const std::byte* record) const {
  if (rough_bytes() == record_bytes()) {
    return std::numeric_limits<float>::infinity();
  }
  constexpr float kHalfSteps = 16;  // codes in a step of the high halves
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  const float error = kPerStep * kHalfSteps * header.scale * std::sqrt(query.squared_norm) + kLost;
  const float products = is_dot() ? 1.0F : 2.0F;
  return header.scale == kTooFar || query.scale == kTooFar
             ? std::numeric_limits<float>::infinity()
             : RoughScore(query, record) + products * error;
}

float Codec::StepOf(const std::byte* record) const {
  if (encoding() == Encoding::kFloat32) {
    return 0;
  }
  float scale = 0;
  std::memcpy(&scale, record + offsetof(Int8Header, scale), sizeof(scale));
  return std::max(scale, kLeastStep);
}

float Codec::ShiftIn(const std::byte* record) const {
  if (!framed()) {
    return 0;
  }
  float shift = 0;
  std::memcpy(&shift, record + offsetof(Int8Header, shift), sizeof(shift));
  return shift;
}

double Codec::ExactScore(VectorView a, VectorView b) const {
  const auto dot = [this](VectorView x, VectorView y) {
    return shape_->kernels->exact_dot(x.data(), y.data(), dimension());
  };
  switch (metric()) {
    case IndexMetric::kDot:
      return dot(a, b);
    case IndexMetric::kL2:
      return -shape_->kernels->exact_l2_squared(a.data(), b.data(), dimension());
    case IndexMetric::kCosine: {
      const double lengths = std::sqrt(dot(a, a) * dot(b, b));
      return lengths > 0 ? std::clamp(dot(a, b) / lengths, -1.0, 1.0) : 0;
    }
  }
  return 0;
}

}  // namespace nearhit
