// The distance kernels that this processor runs, beside a sum over the same bytes. `kernel` counts
// through AvailableKernels(), fastest first; the label has its name. The vectors fit the L2 cache.
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "index/distance.h"

namespace nearhit {
namespace {

constexpr std::size_t kWorkingSet = 256 << 10;  // bytes

template <typename T>
class Rows {
 public:
  explicit Rows(std::size_t dimension)
      : dimension_(dimension), values_(kWorkingSet / sizeof(T) / dimension * dimension, T{1}) {}
  const T* Next() {
    at_ = at_ + dimension_ == values_.size() ? 0 : at_ + dimension_;
    return values_.data() + at_;
  }

 private:
  std::size_t dimension_;
  std::vector<T> values_;
  std::size_t at_ = 0;
};

void Count(benchmark::State& state, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

// Lower bound: the bytes of a vector go through a register.
template <typename T>
void BM_Stream(benchmark::State& state) {
  const auto dimension = static_cast<std::size_t>(state.range(0));
  Rows<T> rows(dimension);
  for ([[maybe_unused]] auto _ : state) {
    const T* row = rows.Next();
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < dimension * sizeof(T); at += sizeof(sum)) {
      std::uint64_t word = 0;
      std::memcpy(&word, reinterpret_cast<const char*>(row) + at, sizeof(word));
      sum ^= word;
    }
    benchmark::DoNotOptimize(sum);
  }
  Count(state, dimension * sizeof(T));
}
BENCHMARK_TEMPLATE(BM_Stream, float)->ArgName("dim")->Arg(384)->Arg(1'536);
BENCHMARK_TEMPLATE(BM_Stream, std::int8_t)->ArgName("dim")->Arg(384)->Arg(1'536);

const DistanceKernels* KernelOf(benchmark::State& state) {
  const auto kernels = AvailableKernels();
  const auto index = static_cast<std::size_t>(state.range(1));
  if (index >= kernels.size()) {
    state.SkipWithError("this processor has fewer kernels");
    return nullptr;
  }
  state.SetLabel(std::string(kernels[index].name));
  return &kernels[index];
}

void BM_Dot(benchmark::State& state) {
  const auto dimension = static_cast<std::size_t>(state.range(0));
  const DistanceKernels* kernels = KernelOf(state);
  Rows<float> rows(dimension);
  const std::vector<float> query(dimension, 0.5F);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(kernels->dot(query.data(), rows.Next(), dimension));
  }
  Count(state, dimension * sizeof(float));
}

void BM_L2(benchmark::State& state) {
  const auto dimension = static_cast<std::size_t>(state.range(0));
  const DistanceKernels* kernels = KernelOf(state);
  Rows<float> rows(dimension);
  const std::vector<float> query(dimension, 0.5F);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(kernels->l2_squared(query.data(), rows.Next(), dimension));
  }
  Count(state, dimension * sizeof(float));
}

// Half of an int8 record: what a walk reads.
void BM_DotNibbles(benchmark::State& state) {
  const auto dimension = static_cast<std::size_t>(state.range(0)) / 2;
  const DistanceKernels* kernels = KernelOf(state);
  Rows<std::uint8_t> rows(dimension);
  const std::vector<std::int8_t> query(2 * NibbleStride(dimension), 1);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(kernels->dot_nibbles(rows.Next(), query.data(), dimension));
  }
  Count(state, dimension);
}

void EachKernel(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"dim", "kernel"});
  for (const std::int64_t dimension : {384, 1'536}) {
    for (std::size_t i = 0; i < AvailableKernels().size(); ++i) {
      bench->Args({dimension, static_cast<std::int64_t>(i)});
    }
  }
}
BENCHMARK(BM_Dot)->Apply(EachKernel);
BENCHMARK(BM_L2)->Apply(EachKernel);
BENCHMARK(BM_DotNibbles)->Apply(EachKernel);

}  // namespace
}  // namespace nearhit
