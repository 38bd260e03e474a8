// Requests for embeddings and their answers. Input: which of the first eight inputs are kept; how
// many inputs the answer is for; a text, which is taken as a request and as an answer.

#include <algorithm>
#include <string>
#include <vector>

#include "server/dialect/embeddings.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit::server {
namespace {

// A request that is cut asks for exactly what is left of it.
void CheckRequest(std::string_view text, std::uint8_t kept) {
  EmbeddingsPlanner planner;
  std::string body(text);
  const EmbeddingsPlan plan = planner.Plan(&body);
  FUZZ_CHECK(body == text);
  FUZZ_CHECK(!plan.reason.empty() || !plan.slots.empty());
  std::vector<std::size_t> inputs;
  std::vector<std::string> slots;
  for (std::size_t i = 0; i < plan.slots.size(); ++i) {
    if (i >= 8 || (kept >> i & 1U) != 0) {
      inputs.push_back(i);
      slots.push_back(plan.slots[i]);
    }
  }
  if (!plan.reason.empty() || slots.empty()) {
    return;
  }
  std::optional<std::string> cut = WithInputs(body, inputs);
  if (cut) {
    const EmbeddingsPlan rest = planner.Plan(&*cut);
    FUZZ_CHECK(rest.reason.empty());
    FUZZ_CHECK(rest.slots == slots);
    FUZZ_CHECK(rest.canonical == plan.canonical);
    FUZZ_CHECK(rest.encoding == plan.encoding);
  }
}

// An answer that is written again has the same vectors.
void CheckAnswer(std::string_view text, std::size_t inputs) {
  const auto answer = ReadEmbeddings(text, inputs);
  if (!answer.ok()) {
    FUZZ_CHECK(answer.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  const std::vector<std::string_view> vectors(answer->vectors.begin(), answer->vectors.end());
  for (const auto encoding : {EmbeddingEncoding::kFloat, EmbeddingEncoding::kBase64}) {
    const auto again = ReadEmbeddings(
        RenderEmbeddings({.vectors = vectors, .model = answer->model, .usage = answer->usage},
                         encoding),
        inputs);
    FUZZ_CHECK(again.ok());
    FUZZ_CHECK(again->vectors == answer->vectors);
    FUZZ_CHECK(again->model == answer->model);
    FUZZ_CHECK(again->prompt_tokens == answer->prompt_tokens);
  }
}

void Run(FuzzInput input) {
  const std::uint8_t kept = input.Byte();
  const std::size_t inputs = input.Byte();
  const std::string_view text = input.Rest();
  CheckRequest(text, kept);
  CheckAnswer(text, inputs);
}

}  // namespace
}  // namespace nearhit::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::server::Run(nearhit::FuzzInput(data, size));
  return 0;
}
