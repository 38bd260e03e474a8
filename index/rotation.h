// A fixed random rotation of vectors of one dimension, in O(d log d): codes of a few bits a
// component lose little when no direction is special, and the error that they make is then that of
// a random direction, whatever the data are.
//
// Rounds of random signs and a Walsh-Hadamard transform over the largest power of two that fits, at
// the beginning and at the end in turn, then sums and differences of both halves (Ailon and
// Chazelle, "The Fast Johnson-Lindenstrauss Transform", 2009; the RaBitQ library rotates so).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nearhit/types.h"

namespace nearhit {

// Thread-safety: immutable.
class Rotation {
 public:
  enum class Instructions : std::uint8_t { kFastest, kPlain };

  // The same for every object of a dimension, bit for bit, whatever the instructions.
  explicit Rotation(std::size_t dimension, Instructions instructions = Instructions::kFastest);
  // One that all share, made on first use and kept: its table takes 16 bytes a component.
  static const Rotation& Of(std::size_t dimension);

  std::size_t dimension() const { return dimension_; }
  // Fills `out` (dimension() floats; may be `vector`) with the rotated vector: lengths and inner
  // products stay.
  void Apply(VectorView vector, std::span<float> out) const;
  // The vector that Apply turned into `rotated`, but for rounding; `out` as there.
  void Undo(VectorView rotated, std::span<float> out) const;

 private:
  static constexpr std::size_t kRounds = 4;

  std::size_t FirstOf(std::size_t round) const {
    return round % 2 == 0 ? 0 : dimension_ - transform_;
  }

  struct Rounds;  // rotation.cc

  void Run(VectorView vector, bool back, std::span<float> out) const;

  const Rounds* rounds_;
  std::size_t dimension_;
  std::size_t transform_;     // the power of two
  std::vector<float> signs_;  // kRounds x dimension_, with what keeps lengths as they are
};

}  // namespace nearhit
