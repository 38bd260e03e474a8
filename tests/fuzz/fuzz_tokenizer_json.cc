// The readers of tokenizers. Input: which file it is; for vocab.txt a length byte and the settings;
// the file. What is accepted has to tokenize.

#include <algorithm>
#include <string>
#include <vector>

#include "engine/model/tokenizer_json.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit {
namespace {

Result<std::unique_ptr<const Tokenizer>> Read(FuzzInput* input) {
  if (input->Byte() % 2 == 0) {
    NEARHIT_ASSIGN_OR_RETURN(TokenizerSpec spec, ParseTokenizerJson(input->Rest(), "f"));
    return MakeTokenizer(std::move(spec), "f");
  }
  const std::string_view config = input->Short();
  NEARHIT_ASSIGN_OR_RETURN(TokenizerSpec spec, ParseVocabulary(input->Rest(), config));
  return MakeTokenizer(std::move(spec), "vocab.txt");
}

void Run(FuzzInput input) {
  const auto tokenizer = Read(&input);
  if (!tokenizer.ok()) {
    FUZZ_CHECK(tokenizer.status().code() == StatusCode::kInvalidArgument);
    FUZZ_CHECK(tokenizer.status().message().find(": ") != std::string_view::npos);
    return;
  }
  const auto size = static_cast<std::int64_t>((*tokenizer)->vocabulary_size());
  FUZZ_CHECK((*tokenizer)->unknown_id() < size);
  std::vector<std::int32_t> ids;
  for (const char* text : {"", "a word, and \u00c9\u4e2d [CLS]!", "\xff\u2581 \u0301"}) {
    (*tokenizer)->Encode(text, &ids);
    FUZZ_CHECK(std::all_of(ids.begin(), ids.end(),
                           [size](std::int32_t id) { return id >= 0 && id < size; }));
  }
}

}  // namespace
}  // namespace nearhit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::Run(nearhit::FuzzInput(data, size));
  return 0;
}
