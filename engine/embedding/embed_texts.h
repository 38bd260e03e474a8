// Texts to vectors, so that one text which an embedder refuses keeps no other from its vector.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "nearhit/embedder.h"
#include "nearhit/result.h"

namespace nearhit {

// How many texts an embedder takes at a time, as far as calls have shown. Endpoints have limits
// that they do not tell: of texts, of tokens, of bytes.
//
// Thread-safety: thread-safe.
class BatchLimit {
 public:
  // Twice as many are tried after so many full parts.
  static constexpr std::uint32_t kPartsToGrow = 16;

  std::size_t texts() const { return texts_.load(std::memory_order_relaxed); }
  // More were refused, though none of them is at fault, and `texts` were accepted.
  void Shrink(std::size_t texts);
  // A part of `texts` was accepted.
  void Accepted(std::size_t texts);

 private:
  std::atomic<std::size_t> texts_{static_cast<std::size_t>(-1)};
  std::atomic<std::uint32_t> full_parts_{0};  // since the limit changed
};

// texts.size() rows, as Embedder::Embed, but not all or nothing: what is refused together
// (kInvalidArgument) is tried again in halves, and a text that is refused by itself, though the
// embedder takes others, gets a row of zeros. `limit` may be null.
//
// Errors: those of the embedder; kInternal when it returns another number of floats.
Result<std::vector<float>> EmbedTexts(const Embedder& embedder,
                                      std::span<const std::string_view> texts,
                                      std::chrono::steady_clock::time_point deadline,
                                      BatchLimit* limit);

// kInternal when an embedder returned another number of floats than `texts` rows have.
Status CheckRows(const Embedder& embedder, std::size_t texts,
                 const Result<std::vector<float>>& made);

}  // namespace nearhit
