// The exact tier's keyed hash and the checksum, beside reading the same bytes once.
#include <cstring>
#include <string>

#include <benchmark/benchmark.h>

#include "base/hash.h"

namespace nearhit {
namespace {

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgName("bytes")->Arg(32)->Arg(256)->Arg(4'096)->Arg(65'536);
}

std::string Text(const benchmark::State& state) {
  return std::string(static_cast<std::size_t>(state.range(0)), 'q');
}

void Count(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

// Lower bound: every byte is read once.
void BM_ReadBytes(benchmark::State& state) {
  const std::string text = Text(state);
  for ([[maybe_unused]] auto _ : state) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i + 8 <= text.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + i, sizeof(word));
      sum += word;
    }
    benchmark::DoNotOptimize(sum);
  }
  Count(state);
}
BENCHMARK(BM_ReadBytes)->Apply(Sizes);

void BM_Hash64(benchmark::State& state) {
  const std::string text = Text(state);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(Hash64(text));
  }
  Count(state);
}
BENCHMARK(BM_Hash64)->Apply(Sizes);

// As the exact tier does: namespace, scope, slot.
void BM_KeyedHash(benchmark::State& state) {
  const std::string text = Text(state);
  const HashSecret secret = MakeHashSecret();
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(
        KeyedHasher(secret).Update(std::uint64_t{7}).Update("scope").Update(text).Digest());
  }
  Count(state);
}
BENCHMARK(BM_KeyedHash)->Apply(Sizes);

}  // namespace
}  // namespace nearhit
