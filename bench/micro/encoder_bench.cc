// A BERT encoder of all-MiniLM-L6's shape with made-up weights, and its products alone, beside
// reading the weights once: no call can take less time than that.
#include <chrono>
#include <cstring>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/model/bert_encoder.h"
#include "engine/model/linear.h"

namespace nearhit {
namespace {

constexpr std::size_t kHidden = 384;
constexpr std::size_t kWide = 1536;
constexpr BertConfig kShape{.layers = 6,
                            .hidden = kHidden,
                            .heads = 12,
                            .intermediate = kWide,
                            .vocabulary = 1000,
                            .positions = 512,
                            .token_types = 2,
                            .layer_norm_eps = 1e-12F};
constexpr std::size_t kLayerWeights = 4 * kHidden * kHidden + 2 * kHidden * kWide;

std::vector<float> Random(std::size_t size, float scale) {
  static std::mt19937 random(7);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(size);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

Arithmetic ArithmeticOf(const benchmark::State& state) {
  return state.range(0) == 0 ? Arithmetic::kFloat32 : Arithmetic::kFast;
}

// Lower bound of a call: every byte of the layers' weights goes through a register.
void BM_ReadWeights(benchmark::State& state) {
  const std::size_t bytes =
      kShape.layers * kLayerWeights * (ArithmeticOf(state) == Arithmetic::kFloat32 ? 4 : 1);
  const std::vector<std::uint64_t> weights(bytes / sizeof(std::uint64_t), 1);
  for ([[maybe_unused]] auto _ : state) {
    std::uint64_t sums[4] = {};
    for (std::size_t at = 0; at + 4 <= weights.size(); at += 4) {
      for (std::size_t lane = 0; lane < 4; ++lane) {
        sums[lane] ^= weights[at + lane];
      }
    }
    benchmark::DoNotOptimize(sums);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}
BENCHMARK(BM_ReadWeights)->ArgName("fast")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

// One product with weights that are in the cache; items are multiply-adds.
void BM_Linear(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(1));
  const auto inputs = static_cast<std::size_t>(state.range(2));
  const auto outputs = static_cast<std::size_t>(state.range(3));
  const Linear linear(BestEncoderKernels(), ArithmeticOf(state), Random(inputs * outputs, 0.05F),
                      Random(outputs, 0.05F));
  const std::vector<float> x = Random(rows * inputs, 1);
  std::vector<float> out(rows * outputs);
  std::vector<std::byte> values(rows * linear.quantized_bytes());
  std::vector<float> rotated(QuantizedSize(inputs));
  std::vector<float> scales(rows);
  for ([[maybe_unused]] auto _ : state) {
    if (ArithmeticOf(state) == Arithmetic::kFloat32) {
      linear.Apply(x.data(), rows, Activation::kNone, out.data());
    } else {
      linear.Quantize(x.data(), rows, rotated.data(), values.data(), scales.data());
      linear.Apply({values.data(), scales.data()}, rows, Activation::kNone, out.data());
    }
    benchmark::DoNotOptimize(out.data());
  }
  state.SetLabel(BestEncoderKernels().name);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows * inputs * outputs));
}
BENCHMARK(BM_Linear)
    ->ArgNames({"fast", "rows", "inputs", "outputs"})
    ->ArgsProduct({{0, 1}, {1, 8, 15, 32, 96}, {kHidden}, {kWide}})
    ->ArgsProduct({{0, 1}, {15, 96}, {kWide}, {kHidden}});

// `texts` of `tokens` each; items are texts.
void BM_Encode(benchmark::State& state) {
  const auto texts = static_cast<std::size_t>(state.range(1));
  const auto tokens = static_cast<std::uint32_t>(state.range(2));
  EncoderOptions options;
  options.arithmetic = ArithmeticOf(state);
  options.threads = static_cast<std::size_t>(state.range(3));
  const auto encoder = BertEncoder::Load(
      kShape, options,
      [](std::string_view, std::span<const std::size_t> shape) -> Result<std::vector<float>> {
        return Random(shape[0] * (shape.size() > 1 ? shape[1] : 1), 0.05F);
      });
  if (!encoder.ok()) {
    state.SkipWithError(encoder.status().ToString().c_str());
    return;
  }
  const std::vector<std::uint32_t> lengths(texts, tokens);
  std::vector<std::int32_t> ids(texts * tokens);
  for (std::size_t at = 0; at < ids.size(); ++at) {
    ids[at] = static_cast<std::int32_t>(at * 17 % kShape.vocabulary);
  }
  std::vector<float> out(texts * kHidden);
  for ([[maybe_unused]] auto _ : state) {
    const Status status =
        (*encoder)->Encode(ids, lengths, std::chrono::steady_clock::time_point::max(), out);
    if (!status.ok()) {
      state.SkipWithError(status.ToString().c_str());
    }
  }
  state.SetLabel(BestEncoderKernels().name);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(texts));
}
BENCHMARK(BM_Encode)
    ->ArgNames({"fast", "texts", "tokens", "threads"})
    ->ArgsProduct({{0, 1}, {1}, {15, 256}, {1}})
    ->ArgsProduct({{0, 1}, {256}, {15}, {1, 2}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace nearhit
