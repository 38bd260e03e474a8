// The built-in embedder: hashed words, word pairs and character n-grams. Needs no model and no
// network. What it can and cannot see is said for users in docs/embedders.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/embedder.h"

namespace nearhit {

inline constexpr std::size_t kMinLexicalDimension = 16;
inline constexpr std::size_t kMaxLexicalDimension = 8192;

// Maps a text to a unit vector so that texts which share words, or parts of words, are close in
// cosine.
//
// The text is normalised (NFKC, case folded, default-ignorable code points dropped), split into
// words, and each feature is hashed to one component with a sign. All sums are integers, so a
// vector is the same to the bit on every platform and independent of the order of summation. The
// function is stored in namespaces under its identity: any change to a vector needs a new version
// in the identity.
//
// Thread-safety: thread-safe; it holds no state but its dimension.
class LexicalEmbedder final : public Embedder {
 public:
  // Requires: kMinLexicalDimension <= dimension <= kMaxLexicalDimension.
  explicit LexicalEmbedder(std::size_t dimension);

  std::string_view identity() const override { return identity_; }
  std::size_t dimension() const override { return dimension_; }
  bool may_block() const override { return false; }

  // Rows have length 1 and are never zero, whatever the text, the empty one included.
  //
  // Errors: kInvalidArgument for invalid UTF-8; kDeadlineExceeded, looked at before each text.
  // Cost: linear in the bytes of a text but for a sort of its features, about 4 per byte.
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point deadline) const override;

 private:
  const std::size_t dimension_;
  const std::string identity_;
};

// "lexical/v1/<dimension>".
std::string LexicalIdentity(std::size_t dimension);

}  // namespace nearhit
