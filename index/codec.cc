#include "index/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"

namespace nearhit {

namespace {
constexpr float kMaxCode = 127.0F;

std::size_t RoundUp8(std::size_t bytes) {
  return (bytes + 7) / 8 * 8;
}
}  // namespace

Codec::Codec(std::size_t dimension, IndexMetric metric, Encoding encoding)
    : dimension_(dimension),
      metric_(metric),
      encoding_(encoding),
      record_bytes_(encoding == Encoding::kFloat32 ? RoundUp8(dimension * sizeof(float))
                                                   : RoundUp8(sizeof(Int8Header) + dimension)),
      kernels_(&Kernels()) {
}

void Codec::Encode(VectorView vector, std::byte* record) const {
  NEARHIT_CHECK(vector.size() == dimension_);
  std::memset(record, 0, record_bytes_);
  if (encoding_ == Encoding::kFloat32) {
    std::memcpy(record, vector.data(), vector.size_bytes());
    return;
  }
  float largest = 0;
  for (const float component : vector) {
    largest = std::max(largest, std::abs(component));
  }
  Int8Header header{.scale = largest / kMaxCode, .squared_norm = 0, .sum = 0, .unused = 0};
  auto* codes = reinterpret_cast<std::int8_t*>(record + sizeof(Int8Header));
  std::int64_t squares = 0;
  for (std::size_t i = 0; i < dimension_ && header.scale > 0; ++i) {
    const float scaled = std::clamp(vector[i] / header.scale, -kMaxCode, kMaxCode);
    const auto code = static_cast<std::int32_t>(std::lrint(scaled));
    codes[i] = static_cast<std::int8_t>(code);
    header.sum += code;
    squares += std::int64_t{code} * code;
  }
  header.squared_norm = header.scale * header.scale * static_cast<float>(squares);
  std::memcpy(record, &header, sizeof(header));
}

void Codec::Decode(const std::byte* record, std::span<float> out) const {
  NEARHIT_CHECK(out.size() == dimension_);
  if (encoding_ == Encoding::kFloat32) {
    std::memcpy(out.data(), record, out.size_bytes());
    return;
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  const auto* codes = reinterpret_cast<const std::int8_t*>(record + sizeof(Int8Header));
  for (std::size_t i = 0; i < dimension_; ++i) {
    out[i] = static_cast<float>(codes[i]) * header.scale;
  }
}

bool Codec::IsSound(const std::byte* record) const {
  if (encoding_ == Encoding::kFloat32) {
    const auto* components = reinterpret_cast<const float*>(record);
    double squares = 0;
    for (std::size_t i = 0; i < dimension_; ++i) {
      squares += static_cast<double>(components[i]) * static_cast<double>(components[i]);
    }
    return squares <= kMaxSquaredNorm;  // false for NaN and infinity as well
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  const auto* codes = reinterpret_cast<const std::int8_t*>(record + sizeof(Int8Header));
  std::int32_t sum = 0;
  std::int64_t squares = 0;
  for (std::size_t i = 0; i < dimension_; ++i) {
    if (codes[i] < -static_cast<std::int32_t>(kMaxCode)) {
      return false;
    }
    sum += codes[i];
    squares += std::int64_t{codes[i]} * codes[i];
  }
  // Rounding to codes can double a component, not more.
  return header.scale >= 0 && header.sum == sum && header.unused == 0 &&
         header.squared_norm == header.scale * header.scale * static_cast<float>(squares) &&
         static_cast<double>(header.squared_norm) <= 4 * kMaxSquaredNorm;
}

EncodedQuery Codec::EncodeQuery(VectorView vector) const {
  if (encoding_ == Encoding::kFloat32) {
    NEARHIT_CHECK(vector.size() == dimension_);
    return {.components = {vector.begin(), vector.end()}, .biased = {}};
  }
  std::vector<std::byte> record(record_bytes_);
  Encode(vector, record.data());
  return QueryOf(record.data());
}

EncodedQuery Codec::QueryOf(const std::byte* record) const {
  EncodedQuery query;
  if (encoding_ == Encoding::kFloat32) {
    const auto* components = reinterpret_cast<const float*>(record);
    query.components.assign(components, components + dimension_);
    return query;
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  query.scale = header.scale;
  query.squared_norm = header.squared_norm;
  query.biased.resize(dimension_);
  const auto* codes = reinterpret_cast<const std::int8_t*>(record + sizeof(Int8Header));
  for (std::size_t i = 0; i < dimension_; ++i) {
    query.biased[i] = static_cast<std::uint8_t>(codes[i] + kCodeBias);
  }
  return query;
}

float Codec::Score(const EncodedQuery& query, const std::byte* record) const {
  if (encoding_ == Encoding::kFloat32) {
    const auto* components = reinterpret_cast<const float*>(record);
    return metric_ == IndexMetric::kDot
               ? kernels_->dot(query.components.data(), components, dimension_)
               : -kernels_->l2_squared(query.components.data(), components, dimension_);
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  const auto* codes = reinterpret_cast<const std::int8_t*>(record + sizeof(Int8Header));
  const std::int32_t products =
      kernels_->dot_codes(query.biased.data(), codes, header.sum, dimension_);
  const float dot = static_cast<float>(products) * query.scale * header.scale;
  return metric_ == IndexMetric::kDot ? dot : 2 * dot - query.squared_norm - header.squared_norm;
}

float Codec::ScoreBound(const EncodedQuery& query, const std::byte* record, float score) const {
  if (encoding_ == Encoding::kFloat32) {
    return score;
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  // Half a code in every component, and a little for the rounding of float arithmetic.
  const float half = 0.5F * std::sqrt(static_cast<float>(dimension_)) * 1.001F;
  const float query_error = half * query.scale;
  const float record_error = half * header.scale;
  if (metric_ == IndexMetric::kDot) {
    const float query_norm = std::sqrt(query.squared_norm);
    const float record_norm = std::sqrt(header.squared_norm);
    return score + query_error * (record_norm + record_error) + record_error * query_norm;
  }
  const float distance = std::sqrt(std::max(0.0F, -score)) - query_error - record_error;
  return distance > 0 ? -distance * distance : 0.0F;
}

float Codec::ExactScore(VectorView a, VectorView b) const {
  return metric_ == IndexMetric::kDot ? kernels_->dot(a.data(), b.data(), dimension_)
                                      : -kernels_->l2_squared(a.data(), b.data(), dimension_);
}

}  // namespace nearhit
