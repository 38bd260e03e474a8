#include "index/codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <tuple>

#include "base/check.h"
#include "base/mutex.h"
#include "base/normalize.h"
#include "base/prefetch.h"
#include "base/round_up.h"

namespace nearhit {

namespace {

constexpr std::int32_t kMaxCode = 119;
// Both halves of a code are kept as unsigned nibbles: code = 16 * (high - 8) + (low - 8).
constexpr std::int32_t kNibbleBias = 8;
constexpr std::int32_t kHighWeight = 16;
constexpr std::size_t kInt8HeaderBytes = 16;
// The largest component in a frame: what is farther has no codes, and the range of its scores is
// everything.
constexpr float kMostInFrame = 1e16F;
// Of two vectors in a frame, each at most twice as long as the longest.
constexpr float kMaxShift = 1e37F;

std::size_t Lines(std::size_t bytes) {
  return (bytes + kCacheLine - 1) / kCacheLine;
}

// The high half of a code, -7 to 7: that of the nearest multiple of 16. The rest is -8 to 7.
std::int32_t HighOf(std::int32_t code) {
  return (code + (kHighWeight + 1) * kNibbleBias) / kHighWeight - kNibbleBias;
}

// Codes from their halves. Bytes only and no aliases, so that the compiler makes vectors of it.
void UnpackNibbles(const std::uint8_t* __restrict high, std::size_t bytes,
                   std::int8_t* __restrict first, std::int8_t* __restrict second) {
  constexpr std::uint8_t kNibble = 15;
  constexpr std::uint8_t kBias = (kHighWeight + 1) * kNibbleBias;
  const std::uint8_t* low = high + bytes;
  for (std::size_t i = 0; i < bytes; ++i) {
    const auto both_low = static_cast<std::uint8_t>((high[i] << 4U) | (low[i] & kNibble));
    const auto both_high = static_cast<std::uint8_t>((high[i] & 0xf0U) | (low[i] >> 4U));
    first[i] = static_cast<std::int8_t>(static_cast<std::uint8_t>(both_low - kBias));
    second[i] = static_cast<std::int8_t>(static_cast<std::uint8_t>(both_high - kBias));
  }
}

// Fills what follows from the codes and the scale.
void Summarize(EncodedQuery* query) {
  // Sums of its own, which no code can be an alias of: the compiler makes vectors of it.
  std::int32_t sum = 0;
  std::int32_t squares = 0;
  for (const std::int8_t code : query->codes) {
    sum += code;
    squares += std::int32_t{code} * code;
  }
  query->sum = sum;
  query->squared_norm = query->scale * query->scale * static_cast<float>(squares);
}

// As integers, whose order is that of magnitudes: the compiler makes vectors of it, as it does not
// of a largest float.
float LargestMagnitude(VectorView vector) {
  constexpr std::int32_t kWithoutSign = std::numeric_limits<std::int32_t>::max();
  std::int32_t largest = 0;
  for (const float component : vector) {
    largest = std::max(largest, std::bit_cast<std::int32_t>(component) & kWithoutSign);
  }
  return std::bit_cast<float>(largest);
}

// Rounds to the nearest code, ties to even, as adding 1.5 * 2^23 and taking it away does; the
// compiler makes vectors of it, as it does not of std::lrint.
void Quantize(VectorView vector, float scale, std::int8_t* codes) {
  constexpr float kRounding = 12'582'912.0F;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const float code = (vector[i] / scale + kRounding) - kRounding;
    codes[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(code));
  }
}

}  // namespace

Codec::Codec(std::size_t dimension, IndexMetric metric, Encoding encoding)
    : shape_(&CodecShape::Of(dimension, metric, encoding)) {
}

CodecShape::CodecShape(std::size_t of_dimension, IndexMetric of_metric, Encoding of_encoding,
                       Frame of_frame)
    : dimension(of_dimension),
      metric(of_metric),
      encoding(of_encoding),
      kernels(&Kernels()),
      rotation(encoding == Encoding::kInt8 ? &Rotation::Of(dimension) : nullptr),
      frame(std::move(of_frame)) {
  NEARHIT_CHECK(frame.centre.empty() ||
                (encoding == Encoding::kInt8 && frame.centre.size() == dimension));
  const std::size_t plane = (dimension + 1) / 2;
  record_bytes = encoding == Encoding::kFloat32 ? RoundUp(dimension * sizeof(float), 8)
                                                : RoundUp(kInt8HeaderBytes + 2 * plane, 8);
  // Two lines at least: a walk that reads less precisely takes more steps.
  const std::size_t rough = kInt8HeaderBytes + plane;
  const bool reads_less = encoding == Encoding::kInt8 && Lines(rough) + 2 <= Lines(record_bytes);
  rough_bytes = reads_less ? rough : record_bytes;
  if (metric != IndexMetric::kL2) {
    centre_squared =
        kernels->exact_dot(frame.centre.data(), frame.centre.data(), frame.centre.size());
  }
}

const CodecShape& CodecShape::Of(std::size_t dimension, IndexMetric metric, Encoding encoding) {
  static Mutex mu;
  static std::map<std::tuple<std::size_t, IndexMetric, Encoding>, std::unique_ptr<const CodecShape>>
      shapes;
  MutexLock lock(&mu);
  std::unique_ptr<const CodecShape>& shape = shapes[{dimension, metric, encoding}];
  if (shape == nullptr) {
    shape = std::make_unique<const CodecShape>(dimension, metric, encoding, Frame());
  }
  return *shape;
}

Codec::Int8Header Codec::HeaderOf(const std::int8_t* codes, float scale, float shift) const {
  static_assert(sizeof(Int8Header) == kInt8HeaderBytes);
  // 2^14 for a code and kMaxDimension components stay below 2^31.
  std::int32_t squares = 0;
  std::int32_t rough = 0;  // of the codes with their high halves
  for (std::size_t i = 0; i < 2 * plane_bytes(); ++i) {
    const auto code = std::int32_t{codes[i]};
    squares += code * code;
    rough += code * HighOf(code);
  }
  const auto whole = static_cast<float>(squares);
  return {.scale = scale,
          .rough_scale = rough > 0 ? scale * (whole / static_cast<float>(rough)) : 0.0F,
          .squared_norm = scale * scale * whole,
          .shift = shift};
}

std::vector<float> Codec::InFrame(VectorView vector) const {
  NEARHIT_CHECK(vector.size() == dimension());
  std::vector<float> moved(vector.begin(), vector.end());
  if (framed()) {
    const Frame& frame = shape_->frame;
    const auto unit = static_cast<double>(frame.unit);
    const double length = LengthOf(vector);
    for (std::size_t i = 0; i < moved.size(); ++i) {
      const double component = static_cast<double>(vector[i]) / length;
      moved[i] = static_cast<float>((component - static_cast<double>(frame.centre[i])) * unit);
    }
  }
  return moved;
}

// What the rounding of a normalised vector made of its length, which is more than the differences
// between vectors that are alike; 1 under other metrics.
double Codec::LengthOf(VectorView vector) const {
  if (metric() != IndexMetric::kCosine) {
    return 1;
  }
  const double length =
      std::sqrt(shape_->kernels->exact_dot(vector.data(), vector.data(), vector.size()));
  return length > 0 ? length : 1;
}

std::vector<float> Codec::Rotated(std::vector<float> vector) const {
  if (shape_->rotation != nullptr) {
    shape_->rotation->Apply(vector, vector);
  }
  return vector;
}

float Codec::ShiftOf(VectorView in_frame) const {
  if (!framed() || !is_dot()) {
    return 0;
  }
  const Frame& frame = shape_->frame;
  const double shift =
      shape_->kernels->exact_dot(frame.centre.data(), in_frame.data(), in_frame.size()) *
      static_cast<double>(frame.unit);
  return std::abs(shift) <= static_cast<double>(kMaxShift) ? static_cast<float>(shift) : 0.0F;
}

float Codec::CodesFor(VectorView components, std::int8_t* first, std::int8_t* second) const {
  const float largest = LargestMagnitude(components);
  const float scale = largest / static_cast<float>(kMaxCode);
  // Zeros, or as good as, and what is too far from a frame.
  const bool too_far = framed() && !(largest <= kMostInFrame);
  if (scale < std::numeric_limits<float>::min() || too_far) {
    std::memset(first, 0, plane_bytes());
    std::memset(second, 0, plane_bytes());
    return too_far ? kTooFar : 0;
  }
  Quantize(components.first(plane_bytes()), scale, first);
  second[plane_bytes() - 1] = 0;  // of an odd dimension
  Quantize(components.subspan(plane_bytes()), scale, second);
  return scale;
}

std::vector<float> Codec::Encode(VectorView vector, std::byte* record) const {
  std::vector<float> components = InFrame(vector);
  const float shift = ShiftOf(components);
  components = Rotated(std::move(components));
  std::memset(record, 0, record_bytes());
  if (encoding() == Encoding::kFloat32) {
    std::memcpy(record, components.data(), components.size() * sizeof(float));
    return components;
  }
  std::vector<std::int8_t> codes(2 * plane_bytes());
  const float scale = CodesFor(components, codes.data(), codes.data() + plane_bytes());
  if (scale == kTooFar) {
    std::fill(components.begin(), components.end(), 0.0F);
  }
  const Int8Header header = HeaderOf(codes.data(), scale, scale == kTooFar ? 0 : shift);
  std::memcpy(record, &header, sizeof(header));
  auto* high = reinterpret_cast<std::uint8_t*>(record + sizeof(Int8Header));
  std::uint8_t* low = high + plane_bytes();
  const std::int8_t* second = codes.data() + plane_bytes();
  const auto pack = [](std::int32_t a, std::int32_t b) {
    return static_cast<std::uint8_t>((a + kNibbleBias) | ((b + kNibbleBias) << 4));
  };
  for (std::size_t i = 0; i < plane_bytes(); ++i) {
    const std::int32_t a = HighOf(codes[i]);
    const std::int32_t b = HighOf(second[i]);
    high[i] = pack(a, b);
    low[i] = pack(codes[i] - a * kHighWeight, second[i] - b * kHighWeight);
  }
  return components;
}

void Codec::Unpack(const std::byte* record, std::int8_t* first, std::int8_t* second) const {
  UnpackNibbles(reinterpret_cast<const std::uint8_t*>(record + sizeof(Int8Header)), plane_bytes(),
                first, second);
}

std::vector<std::int8_t> Codec::CodesOf(const std::byte* record) const {
  std::vector<std::int8_t> codes(2 * plane_bytes());
  Unpack(record, codes.data(), codes.data() + plane_bytes());
  return codes;
}

void Codec::Decode(const std::byte* record, std::span<float> out) const {
  DecodeComponents(record, out);
  if (shape_->rotation != nullptr) {
    shape_->rotation->Undo(out, out);
  }
  if (framed()) {
    const Frame& frame = shape_->frame;
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = out[i] / frame.unit + frame.centre[i];
    }
  }
}

void Codec::DecodeComponents(const std::byte* record, std::span<float> out) const {
  NEARHIT_CHECK(out.size() == dimension());
  if (encoding() == Encoding::kFloat32) {
    std::memcpy(out.data(), record, out.size_bytes());
    return;
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  const std::vector<std::int8_t> codes = CodesOf(record);
  for (std::size_t i = 0; i < dimension(); ++i) {
    out[i] = static_cast<float>(codes[i]) * header.scale;
  }
}

bool Codec::IsSound(const std::byte* record) const {
  if (encoding() == Encoding::kFloat32) {
    const auto* components = reinterpret_cast<const float*>(record);
    double squares = 0;
    for (std::size_t i = 0; i < dimension(); ++i) {
      squares += static_cast<double>(components[i]) * static_cast<double>(components[i]);
    }
    return squares <= kMaxSquaredNorm;  // false for NaN and infinity as well
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  // An odd number of components leaves a nibble of each plane, which stands for the code 0.
  const std::vector<std::int8_t> codes = CodesOf(record);
  const bool in_range =
      std::all_of(codes.begin(), codes.end(),
                  [](std::int8_t code) { return std::abs(std::int32_t{code}) <= kMaxCode; }) &&
      std::all_of(codes.begin() + static_cast<std::ptrdiff_t>(dimension()), codes.end(),
                  [](std::int8_t code) { return code == 0; });
  const Int8Header expected = HeaderOf(codes.data(), header.scale, header.shift);
  // Rounding to codes can double a component, not more.
  return in_range && header.scale >= 0 && header.rough_scale == expected.rough_scale &&
         header.squared_norm == expected.squared_norm &&
         static_cast<double>(header.squared_norm) <= 4 * kMaxSquaredNorm &&
         (framed() && is_dot() ? std::abs(header.shift) <= kMaxShift : header.shift == 0);
}

EncodedQuery Codec::EncodeQuery(VectorView vector) const {
  EncodedQuery query;
  query.components = Rotated(InFrame(vector));
  if (encoding() == Encoding::kFloat32) {
    return query;
  }
  if (framed()) {
    const Frame& frame = shape_->frame;
    query.factor = 1 / (static_cast<double>(frame.unit) * static_cast<double>(frame.unit));
    query.offset =
        is_dot() ? shape_->kernels->exact_dot(frame.centre.data(), vector.data(), vector.size()) /
                       LengthOf(vector)
                 : 0;
  }
  const std::size_t stride = NibbleStride(plane_bytes());
  query.codes.resize(2 * stride);
  query.scale = CodesFor(query.components, query.codes.data(), query.codes.data() + stride);
  if (query.scale == kTooFar) {
    std::fill(query.components.begin(), query.components.end(), 0.0F);
  }
  Summarize(&query);
  return query;
}

EncodedQuery Codec::QueryOf(const std::byte* record) const {
  EncodedQuery query;
  if (encoding() == Encoding::kFloat32) {
    const auto* components = reinterpret_cast<const float*>(record);
    query.components.assign(components, components + dimension());
    return query;
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  query.scale = header.scale;
  query.shift = header.shift;
  const std::size_t stride = NibbleStride(plane_bytes());
  query.codes.resize(2 * stride);
  Unpack(record, query.codes.data(), query.codes.data() + stride);
  Summarize(&query);
  return query;
}

float Codec::Score(const EncodedQuery& query, const std::byte* record) const {
  if (encoding() == Encoding::kFloat32) {
    const auto* components = reinterpret_cast<const float*>(record);
    return is_dot()
               ? shape_->kernels->dot(query.components.data(), components, dimension())
               : -shape_->kernels->l2_squared(query.components.data(), components, dimension());
  }
  Int8Header header{};
  std::memcpy(&header, record, sizeof(header));
  const auto* planes = reinterpret_cast<const std::uint8_t*>(record + sizeof(Int8Header));
  const std::int32_t high = shape_->kernels->dot_nibbles(planes, query.codes.data(), plane_bytes());
  const std::int32_t low =
      shape_->kernels->dot_nibbles(planes + plane_bytes(), query.codes.data(), plane_bytes());
  const std::int32_t products =
      kHighWeight * high + low - (kHighWeight + 1) * kNibbleBias * query.sum;
  const float dot = static_cast<float>(products) * query.scale * header.scale;
  return is_dot() ? dot + (header.shift + query.shift)
                  : 2 * dot - query.squared_norm - header.squared_norm;
}

float Codec::RoughScore(const EncodedQuery& query, const std::byte* record) const {
  constexpr std::uint32_t kOnly = 0;
  float score = 0;
  RoughScores(query, {.records = record, .numbers = {&kOnly, 1}}, &score);
  return score;
}

void Codec::RoughScores(const EncodedQuery& query, const RecordList& list, float* scores) const {
  if (rough_bytes() == record_bytes()) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      scores[i] = Score(query, list[i]);
    }
    return;
  }
  shape_->kernels->score_planes(list,
                                {.codes = query.codes.data(),
                                 .plane_bytes = plane_bytes(),
                                 .plane_offset = sizeof(Int8Header),
                                 .scale_offset = offsetof(Int8Header, rough_scale),
                                 .bias = kNibbleBias * query.sum,
                                 .scale = query.scale},
                                scores);
  if (is_dot() && !framed()) {
    return;
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    Int8Header header{};
    std::memcpy(&header, list[i], sizeof(header));
    scores[i] = is_dot() ? scores[i] + (header.shift + query.shift)
                         : 2 * scores[i] - query.squared_norm - header.squared_norm;
  }
}

}  // namespace nearhit
