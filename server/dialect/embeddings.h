// POST /v1/embeddings, item by item: what a request asks for, and the vectors of answers.
//
// No function throws, whatever the bytes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"
#include "server/dialect/request_plan.h"

namespace nearhit::server {

inline constexpr std::size_t kMaxEmbeddingInputs = 2'048;

// How an answer writes vectors.
enum class EmbeddingEncoding : std::uint8_t {
  kFloat,   // arrays of numbers
  kBase64,  // base64 of little-endian float32
};

struct EmbeddingsPlan {
  // Why the request is not cached; empty when it is. Constant text.
  std::string_view reason{};
  std::string model{};
  // Everything but the inputs that a vector may depend on, in one form for all ways to write it,
  // and whether the inputs are texts or tokens.
  std::string canonical{};
  // One of each input, in their order: the text, or the tokens in decimal with blanks between them.
  // A digest in place of one that is no slot (kMaxSlotBytes), or could be taken for a digest.
  std::vector<std::string> slots{};
  EmbeddingEncoding encoding = EmbeddingEncoding::kFloat;
  CacheMember cache{};
};

// Thread-safety: externally synchronized; one for each thread.
class EmbeddingsPlanner {
 public:
  EmbeddingsPlanner();
  ~EmbeddingsPlanner();
  EmbeddingsPlanner(const EmbeddingsPlanner&) = delete;
  EmbeddingsPlanner& operator=(const EmbeddingsPlanner&) = delete;

  // Inputs that are neither texts nor lists of tokens, or more than kMaxEmbeddingInputs, are not
  // cached. `body` gets room behind its end, but no other bytes.
  EmbeddingsPlan Plan(std::string* body);

 private:
  class Parser;
  const std::unique_ptr<Parser> parser_;
};

// The body with only these of its inputs: indices in ascending order. Every other byte stays.
// Nothing when the inputs are no list in plain letters.
std::optional<std::string> WithInputs(std::string_view body, std::span<const std::size_t> inputs);

struct EmbeddingsAnswer {
  std::vector<std::string> vectors{};  // float32 in little-endian bytes, in the order of the inputs
  std::string model{};
  std::string usage{};  // a JSON object; empty: the answer has none
  std::uint64_t prompt_tokens = 0;
};

// Vectors in either encoding, for a request of so many inputs. All have the same dimension,
// 1..kMaxDimension, and finite components.
//
// Errors: kInvalidArgument for a body that is no such answer, or says something of an item that
// would be lost.
Result<EmbeddingsAnswer> ReadEmbeddings(std::string_view body, std::size_t inputs);

struct EmbeddingsView {
  std::span<const std::string_view> vectors{};  // as EmbeddingsAnswer has them
  std::string_view model{};
  std::string_view usage{};  // a JSON object; empty: no tokens
};

// The body that says so. Numbers are the shortest that read back to the same float32.
std::string RenderEmbeddings(const EmbeddingsView& answer, EmbeddingEncoding encoding);

}  // namespace nearhit::server
