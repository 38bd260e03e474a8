// How one vector is kept in an index record, and how a query is scored against it.
//
// kFloat32: the components. kInt8: the vector is rotated first (rotation.h), because models make
// vectors with one component that is twenty times as long as the others, and codes would be of that
// one alone. Then one byte a component, component = code * scale with scale = max|x| / 119. Norms
// are those of the codes, not of the vector they came from, so a score is exactly that of the
// rounded vectors. How far that is from the score of the vectors themselves is bounded
// (ScoreRange), and what decides is rescored (rescore.h).
//
// Vectors that are alike, or of a scale that float32 cannot square, are coded in a frame: less
// what they have in common, times a power of two. Scores are those in the frame; EncodedQuery::Raw
// turns them into what users of an index see.
// The bytes are split: the high halves of all codes come first, then the low ones.
// A walk through a graph reads half of each record (RoughScore), and only what it found is scored
// in full. 119 = 7 * 16 + 7 is the largest code that rounds to 4 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/distance.h"
#include "index/rotation.h"
#include "index/vector_index.h"

namespace nearhit {

// Where the codes of an index are measured from, and in which unit.
struct Frame {
  std::vector<float> centre;  // dimension floats
  float unit = 1;             // a power of two
};

// What the full-precision score of two vectors is, given that of their codes.
struct ScoreRange {
  float low = 0;
  float high = 0;
};

// A query made ready once and scored many times.
struct EncodedQuery {
  // From a score of the codec to the score of the vectors (Neighbor::score), and back.
  double Raw(double score) const { return offset + factor * score; }
  double InFrame(double raw) const { return (raw - offset) / factor; }

  std::vector<float> components;   // rotated under kInt8; not of QueryOf then
  std::vector<std::int8_t> codes;  // kInt8: as DistanceKernels::dot_nibbles wants them
  std::int32_t sum = 0;            // of the codes
  float scale = 0;
  float squared_norm = 0;
  float shift = 0;  // of QueryOf a record in a frame: part of what its scores have in common
  double offset = 0;
  double factor = 1;
};

// What all codecs of one dimension, metric, encoding and frame share.
//
// Thread-safety: immutable.
struct CodecShape {
  // Without a frame: one that all share, made on first use and kept.
  static const CodecShape& Of(std::size_t dimension, IndexMetric metric, Encoding encoding);

  // A frame needs kInt8.
  CodecShape(std::size_t dimension, IndexMetric metric, Encoding encoding, Frame frame);

  std::size_t dimension;
  IndexMetric metric;
  Encoding encoding;
  std::size_t record_bytes;
  std::size_t rough_bytes;
  const DistanceKernels* kernels;
  const Rotation* rotation;  // null for kFloat32
  Frame frame;               // without a centre: none
  double centre_squared = 0;
};

// No more than a pointer to its shape.
//
// Thread-safety: const methods thread-safe. Copyable, cheap.
class Codec {
 public:
  Codec(std::size_t dimension, IndexMetric metric, Encoding encoding);
  // In a frame. `shape` must outlive the codec and its copies.
  explicit Codec(const CodecShape* shape) : shape_(shape) {}

  std::size_t dimension() const { return shape_->dimension; }
  IndexMetric metric() const { return shape_->metric; }
  // Whether scores are inner products, of normalised vectors or not.
  bool is_dot() const { return metric() != IndexMetric::kL2; }
  Encoding encoding() const { return shape_->encoding; }
  bool framed() const { return !shape_->frame.centre.empty(); }
  const Frame& frame() const { return shape_->frame; }  // without a centre when not framed()
  // Under an inner product: what any two vectors have in common, the squared length of the centre.
  double centre_squared() const { return shape_->centre_squared; }
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
  // Where the full-precision score of the two vectors behind `query` and `record` is, in the frame,
  // given their Score(); codec_range.cc has the argument.
  ScoreRange RangeOf(const EncodedQuery& query, const std::byte* record, float score) const;
  // What a bound of the errors of many records needs to know of them.
  struct Largest {
    float step = 0;
    float squared_norm = 0;
    float shift = 0;
  };
  void Enlarge(const std::byte* record, Largest* largest) const;
  // No score of one of those records is further from the middle of its range; +infinity under L2.
  float LargestError(const EncodedQuery& query, const Largest& largest) const;
  // What Score() does not exceed, by the high halves of the codes; +infinity where they are not
  // kept apart (rough_bytes()).
  float RoughBound(const EncodedQuery& query, const std::byte* record) const;
  // How far apart two codes of a record are, in each component.
  float StepOf(const std::byte* record) const;
  // What every score of a record has on top in a frame; see EncodedQuery::shift.
  float ShiftIn(const std::byte* record) const;
  // Score of two vectors in float64, as users of an index see it.
  double ExactScore(VectorView a, VectorView b) const;

 private:
  struct Int8Header {
    float scale;
    // What high halves are worth: chosen so that the record's rough score with itself is right.
    float rough_scale;
    float squared_norm;
    // In a frame under an inner product: that of the record with the centre.
    float shift;
  };

  // The scale of what is too far from a frame for codes; all of them are 0 then.
  static constexpr float kTooFar = 1e18F;

  // Half the width of a range under an inner product, of a record with these.
  float DotError(const EncodedQuery& query, float step, float squared_norm, float shift) const;
  // Bytes of the high halves, and of the low ones.
  std::size_t plane_bytes() const { return (dimension() + 1) / 2; }
  // In the frame, not yet rotated.
  std::vector<float> InFrame(VectorView vector) const;
  double LengthOf(VectorView vector) const;
  std::vector<float> Rotated(std::vector<float> vector) const;
  // The inner product of the centre with a vector that is in the frame.
  float ShiftOf(VectorView in_frame) const;
  // Writes plane_bytes() codes each, of the first components and of the rest, and returns the
  // scale.
  float CodesFor(VectorView components, std::int8_t* first, std::int8_t* second) const;
  Int8Header HeaderOf(const std::int8_t* codes, float scale, float shift) const;
  // Component i is in byte i of each plane, in the low nibble, and component plane_bytes() + i in
  // the high one.
  void Unpack(const std::byte* record, std::int8_t* first, std::int8_t* second) const;
  std::vector<std::int8_t> CodesOf(const std::byte* record) const;

  const CodecShape* shape_;
};

}  // namespace nearhit
