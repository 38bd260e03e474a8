// Text to token ids, beside reading the same text once. The vocabulary is made here, of the size
// that sentence encoders have; with NEARHIT_MODEL set to a model folder, that one's is measured.
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/hash.h"
#include "engine/model/tokenizer_spec.h"

namespace nearhit {
namespace {

constexpr std::string_view kQuestion =
    "How can I reset the password of my online account if I forgot it?";
constexpr std::string_view kAccents =
    "Où puis-je réinitialiser le mot de passe de mon compte à Zürich, s'il vous plaît ?";
constexpr std::string_view kIdeographs = "如果我忘记了密码,我怎么能重置我的在线账户的密码呢?";

constexpr std::size_t kTokens = 30'522;

// A vocabulary with the words of the texts, all letters, and random words to its full size.
std::vector<std::string> MakeVocabulary() {
  std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "?", ",", "-"};
  for (const char* word : {"how", "can", "i", "reset", "the", "password", "of", "my", "online",
                           "account", "if", "forgot", "it", "ou", "puis", "je", "mot"}) {
    tokens.emplace_back(word);
  }
  for (char c = 'a'; c <= 'z'; ++c) {
    if (c != 'i') {
      tokens.emplace_back(1, c);
    }
    tokens.push_back(std::string("##") + c);
  }
  for (std::uint64_t i = 0; tokens.size() < kTokens; ++i) {
    std::string word = i % 5 == 0 ? "##" : "";
    for (std::uint64_t rest = Hash64("word", i) >> 28; rest > 0; rest /= 26) {
      word.push_back(static_cast<char>('a' + rest % 26));
    }
    tokens.push_back(word + std::to_string(i));
  }
  return tokens;
}

std::unique_ptr<const Tokenizer> MakeOwn() {
  if (const char* folder = std::getenv("NEARHIT_MODEL"); folder != nullptr) {
    return LoadTokenizer(folder).value();
  }
  TokenizerSpec spec;
  spec.tokens = MakeVocabulary();
  spec.normalizer = {BertNormalizerOptions{}};
  spec.model = WordPieceOptions{.unknown_id = 1};
  spec.special = {{"[PAD]", 0}, {"[UNK]", 1}, {"[CLS]", 2}, {"[SEP]", 3}, {"[MASK]", 4}};
  spec.before = {2};
  spec.after = {3};
  return MakeTokenizer(std::move(spec), "made").value();
}

void Tokenize(benchmark::State& state, std::string_view text) {
  static const std::unique_ptr<const Tokenizer> tokenizer = MakeOwn();
  std::vector<std::int32_t> ids;
  for ([[maybe_unused]] auto _ : state) {
    tokenizer->Encode(text, &ids);
    benchmark::DoNotOptimize(ids.data());
  }
  NEARHIT_CHECK(ids.size() > 2);
  state.counters["tokens"] = static_cast<double>(ids.size());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void BM_Tokenize(benchmark::State& state) {
  Tokenize(state, kQuestion);
}
BENCHMARK(BM_Tokenize);

void BM_TokenizeAccents(benchmark::State& state) {
  Tokenize(state, kAccents);
}
BENCHMARK(BM_TokenizeAccents);

void BM_TokenizeIdeographs(benchmark::State& state) {
  Tokenize(state, kIdeographs);
}
BENCHMARK(BM_TokenizeIdeographs);

void BM_TokenizeLong(benchmark::State& state) {
  std::string text;
  while (text.size() < 100'000) {
    text.append(kQuestion).push_back(' ');
  }
  Tokenize(state, text);
}
BENCHMARK(BM_TokenizeLong)->Unit(benchmark::kMicrosecond);

// Lower bound: every byte of the question is read once.
void BM_ReadText(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(Hash64(kQuestion));
  }
}
BENCHMARK(BM_ReadText);

// What a start costs.
void BM_MakeTokenizer(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(MakeOwn().get());
  }
}
BENCHMARK(BM_MakeTokenizer)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nearhit
