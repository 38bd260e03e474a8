// How one vector is kept in an index record, and how a query is scored against it.
//
// kFloat32: the components. kInt8: scale, sum of codes and squared norm, then one signed byte a
// component, component = code * scale with scale = max|x| / 127. Sums and norms are those of the
// codes, not of the vector they came from, so a score is exactly that of the rounded vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/distance.h"
#include "index/vector_index.h"

namespace nearhit {

// A query made ready once and scored many times.
struct EncodedQuery {
  std::vector<float> components;     // kFloat32
  std::vector<std::uint8_t> biased;  // kInt8: codes + 128, so that unsigned-by-signed kernels apply
  float scale = 0;
  float squared_norm = 0;
};

// Thread-safety: const methods thread-safe. Copyable, cheap.
class Codec {
 public:
  Codec(std::size_t dimension, IndexMetric metric, Encoding encoding);

  std::size_t dimension() const { return dimension_; }
  IndexMetric metric() const { return metric_; }
  Encoding encoding() const { return encoding_; }
  // Multiple of 8.
  std::size_t record_bytes() const { return record_bytes_; }

  // `record` has record_bytes() bytes, aligned to 4; every byte is written.
  void Encode(VectorView vector, std::byte* record) const;
  void Decode(const std::byte* record, std::span<float> out) const;
  // Whether Encode could have written the record: for records that come from a file.
  bool IsSound(const std::byte* record) const;
  EncodedQuery EncodeQuery(VectorView vector) const;
  // The query that equals a record, to compare records with each other.
  EncodedQuery QueryOf(const std::byte* record) const;
  float Score(const EncodedQuery& query, const std::byte* record) const;
  // What the full-precision score of the two vectors behind `query` and `record` cannot exceed,
  // given their Score(): rounding moved each by half a code a component at most.
  float ScoreBound(const EncodedQuery& query, const std::byte* record, float score) const;
  // Full-precision score of two vectors.
  float ExactScore(VectorView a, VectorView b) const;

 private:
  struct Int8Header {
    float scale;
    float squared_norm;
    std::int32_t sum;
    std::int32_t unused;
  };

  std::size_t dimension_;
  IndexMetric metric_;
  Encoding encoding_;
  std::size_t record_bytes_;
  const DistanceKernels* kernels_;
};

}  // namespace nearhit
