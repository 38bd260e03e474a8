// How one vector is kept in an index record, and how a query is scored against it.
//
// kFloat32: the components. kInt8: the vector is rotated first (rotation.h), because models make
// vectors with one component that is twenty times as long as the others, and codes would be of that
// one alone. Then one byte a component, component = code * scale with scale = max|x| / 119. Norms
// are those of the codes, not of the vector they came from, so a score is exactly that of the
// rounded vectors. The bytes are split: the high halves of all codes come first, then the low ones.
// A walk through a graph reads half of each record (RoughScore), and only what it found is scored
// in full. 119 = 7 * 16 + 7 is the largest code that rounds to 4 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/distance.h"
#include "index/rotation.h"
#include "index/vector_index.h"

namespace nearhit {

// A query made ready once and scored many times.
struct EncodedQuery {
  std::vector<float> components;   // rotated under kInt8; not of QueryOf then
  std::vector<std::int8_t> codes;  // kInt8: as DistanceKernels::dot_nibbles wants them
  std::int32_t sum = 0;            // of the codes
  float scale = 0;
  float squared_norm = 0;
};

// No more than a pointer to what all codecs of one dimension, metric and encoding share.
//
// Thread-safety: const methods thread-safe. Copyable, cheap.
class Codec {
 public:
  Codec(std::size_t dimension, IndexMetric metric, Encoding encoding);

  std::size_t dimension() const { return shape_->dimension; }
  IndexMetric metric() const { return shape_->metric; }
  Encoding encoding() const { return shape_->encoding; }
  // Multiple of 8.
  std::size_t record_bytes() const { return shape_->record_bytes; }

  // `record` has record_bytes() bytes, aligned to 4; every byte is written. Returns the components
  // that the codes are of.
  std::vector<float> Encode(VectorView vector, std::byte* record) const;
  // The vector as the record has it. Encoding that again gives the same codes, but for rounding.
  void Decode(const std::byte* record, std::span<float> out) const;
  // The same as it was encoded: rotated under kInt8.
  void DecodeComponents(const std::byte* record, std::span<float> out) const;
  // Whether Encode could have written the record: for records that come from a file.
  bool IsSound(const std::byte* record) const;
  EncodedQuery EncodeQuery(VectorView vector) const;
  // The query that equals a record, to compare records with each other.
  EncodedQuery QueryOf(const std::byte* record) const;
  float Score(const EncodedQuery& query, const std::byte* record) const;
  // Score() by the high halves of the codes, without those of the query: off by about .006 between
  // unit vectors of 384 components. Reads rough_bytes() of the record, from its beginning. Where
  // that would save no cache line it is Score().
  float RoughScore(const EncodedQuery& query, const std::byte* record) const;
  std::size_t rough_bytes() const { return shape_->rough_bytes; }
  // RoughScore of each record of a list.
  void RoughScores(const EncodedQuery& query, const RecordList& list, float* scores) const;
  // What the full-precision score of the two vectors behind `query` and `record` cannot exceed,
  // given their Score(): rounding moved each by half a code a component at most.
  float ScoreBound(const EncodedQuery& query, const std::byte* record, float score) const;
  // Full-precision score of two vectors.
  float ExactScore(VectorView a, VectorView b) const;

 private:
  struct Int8Header {
    float scale;
    // What high halves are worth: chosen so that the record's rough score with itself is right.
    float rough_scale;
    float squared_norm;
  };

  struct Shape {
    Shape(std::size_t dimension, IndexMetric metric, Encoding encoding);

    // One that all share, made on first use and kept.
    static const Shape& Of(std::size_t dimension, IndexMetric metric, Encoding encoding);

    std::size_t dimension;
    IndexMetric metric;
    Encoding encoding;
    std::size_t record_bytes;
    std::size_t rough_bytes;
    const DistanceKernels* kernels;
    const Rotation* rotation;  // null for kFloat32
  };

  // Bytes of the high halves, and of the low ones.
  std::size_t plane_bytes() const { return (shape_->dimension + 1) / 2; }
  std::vector<float> ComponentsOf(VectorView vector) const;
  // Writes plane_bytes() codes each, of the first components and of the rest, and returns the
  // scale.
  float CodesFor(VectorView components, std::int8_t* first, std::int8_t* second) const;
  Int8Header HeaderOf(const std::int8_t* codes, float scale) const;
  // Component i is in byte i of each plane, in the low nibble, and component plane_bytes() + i in
  // the high one.
  void Unpack(const std::byte* record, std::int8_t* first, std::int8_t* second) const;
  std::vector<std::int8_t> CodesOf(const std::byte* record) const;

  const Shape* shape_;
};

}  // namespace nearhit
