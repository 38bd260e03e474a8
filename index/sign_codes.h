// One bit a component of many vectors, side by side in slots: tells within microseconds which few
// of some ten thousands can be near enough to be scored in full.
//
// RaBitQ (Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound
// for Approximate Nearest Neighbor Search", 2024): a vector is rotated at random, by whoever gives
// it (codec.h), and kept as the signs of its components. The signs times a factor are an unbiased
// estimate of its inner product with any query, and how far they are from it is known to a
// constant. No training: the first vector's code is as good as the last one's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "index/paged_memory.h"
#include "index/sign_kernels.h"
#include "index/vector_index.h"

namespace nearhit {

// What is kept of one vector.
struct SignCode {
  std::vector<std::uint8_t> bytes;  // one a column
  float product = 0;                // SignFactors
  float error = 0;
  float squared_norm = 0;
  float shift = 0;  // see EncodedQuery: added to every inner product with the vector
};

// Of a rotated vector; some microseconds. SignCodes of the same kernels keep it. `step`: the vector
// is one of codes (Codec::StepOf), and bounds have to hold for what was rounded to them.
SignCode EncodeSigns(VectorView vector, const SignKernels& kernels = FastestSignKernels(),
                     float step = 0);

struct SignCandidate {
  std::uint32_t slot;
  float bound;
};

// What a slot has to reach to be a candidate.
struct SignReach {
  float slack = 0;        // how much its bound falls for each of its error
  float limit = 0;        // what is to be left of it
  std::size_t slots = 0;  // those from here on are not taken
};

// Thread-safety: externally synchronized; const methods may run together.
class SignCodes {
 public:
  // How many deviations above the estimate the bound of a score is: of scores that only just reach
  // what they must, one in three million is missed, and fewer the more they exceed it.
  static constexpr float kDeviations = 5;

  SignCodes(std::size_t dimension, IndexMetric metric,
            const SignKernels& kernels = FastestSignKernels());

  // Keeps a code in a slot, which is made, with those before it, when it is new.
  void Set(std::size_t slot, const SignCode& code);
  void Copy(std::size_t from, std::size_t to);
  // Forgets the slots from `slots` on.
  void Shrink(std::size_t slots);

  // Slots come in blocks of kSignLanes; those that were never set have bounds that mean nothing.
  std::size_t blocks() const { return blocks_; }

  // `query` is rotated likewise.
  SignQuery Prepare(VectorView query) const;
  // Makes the bounds of `query` nearer for whoever only asks which scores reach `limit`: bounds of
  // scores under it may be too low afterwards. A vector so near to the query has little of it
  // across, and only what is across is estimated with an error. Under L2 that is at most their
  // distance. Returns by how much the slack shrinks: each bound falls by so much times its error.
  float Sharpen(float limit, SignQuery* query) const;
  // Fills `bounds` with what the score (Neighbor::score) of each slot of a block hardly exceeds,
  // and returns the largest.
  float Bounds(const SignQuery& query, std::size_t block,
               std::span<float, kSignLanes> bounds) const;

  // Appends the slots of a block that reach it, with what is left of their bounds.
  void AppendReaching(std::size_t block, std::span<const float, kSignLanes> bounds,
                      const SignReach& reach, std::vector<SignCandidate>* candidates) const;

  // The least of all errors; see SignFactors.
  float least_error() const { return least_error_; }

  std::size_t memory_bytes() const;

 private:
  SignFactors* Factors(std::size_t block) const {
    return reinterpret_cast<SignFactors*>(memory_.data() + block * block_bytes_);
  }
  // kSignLanes bytes for each column.
  std::uint8_t* Columns(std::size_t block) const {
    return reinterpret_cast<std::uint8_t*>(Factors(block) + 1);
  }

  std::size_t dimension_;
  IndexMetric metric_;
  const SignKernels* kernels_;
  std::size_t columns_;
  double longest_squared_ = 0;                                  // of the vectors so far
  float least_error_ = std::numeric_limits<float>::infinity();  // likewise
  float largest_shift_ = 0;                                     // likewise
  std::size_t block_bytes_;
  std::size_t blocks_ = 0;
  std::size_t capacity_ = 0;  // blocks
  PagedMemory memory_;
};

}  // namespace nearhit
