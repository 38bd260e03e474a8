// One search of the flat index and of the graph, each beside its lower bound. Synthetic clusters:
// for real embeddings use nearhit-bench ann.
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "index/flat_index.h"
#include "index/hnsw_index.h"

namespace nearhit {
namespace {

constexpr std::size_t kDimension = 384;
constexpr std::size_t kQueries = 200;
constexpr std::size_t kK = 10;

class Vectors final : public VectorSource {
 public:
  explicit Vectors(std::size_t rows) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 1);
    constexpr std::size_t kCenters = 50;
    std::vector<float> centers(kCenters * kDimension);
    for (float& component : centers) {
      component = normal(random);
    }
    values_.resize((rows + kQueries) * kDimension);
    for (std::size_t row = 0; row < rows + kQueries; ++row) {
      const float* center = centers.data() + random() % kCenters * kDimension;
      float squares = 0;
      for (std::size_t i = 0; i < kDimension; ++i) {
        const float component = center[i] + normal(random);
        values_[row * kDimension + i] = component;
        squares += component * component;
      }
      for (std::size_t i = 0; i < kDimension; ++i) {
        values_[row * kDimension + i] /= std::sqrt(squares);
      }
    }
  }
  VectorView Row(std::size_t row) const {
    return VectorView(values_).subspan(row * kDimension, kDimension);
  }
  bool Load(EntryId id, std::span<float> out) const override {
    const VectorView row = Row(id.value - 1);
    std::copy(row.begin(), row.end(), out.begin());
    return true;
  }

 private:
  std::vector<float> values_;
};

// Vectors, an exact index over them and the two that are measured; built once a size.
struct World {
  explicit World(std::size_t count)
      : rows(count),
        vectors(count),
        exact(Codec(kDimension, IndexMetric::kDot, Encoding::kFloat32)),
        flat(Codec(kDimension, IndexMetric::kDot, Encoding::kInt8)),
        graph(Codec(kDimension, IndexMetric::kDot, Encoding::kInt8), count) {
    for (std::size_t row = 0; row < count; ++row) {
      const EntryId id{row + 1};
      // They fail at 2^32 entries only.
      exact.Add(id, vectors.Row(row)).IgnoreError();
      flat.Add(id, vectors.Row(row)).IgnoreError();
      graph.Add(id, vectors.Row(row)).IgnoreError();
    }
  }
  VectorView Query(std::size_t i) const { return vectors.Row(rows + i % kQueries); }

  double Recall(const VectorIndex& index, const SearchOptions& options) const {
    std::size_t found = 0;
    for (std::size_t query = 0; query < kQueries; ++query) {
      SearchStats stats;
      const auto truth = *exact.Search(Query(query), {.k = kK}, &stats);
      const auto nearest = *index.Search(Query(query), options, &stats);
      for (const Neighbor& neighbor : nearest) {
        found += neighbor.score >= truth.back().score - 1e-6F ? 1 : 0;
      }
    }
    return static_cast<double>(found) / static_cast<double>(kQueries * kK);
  }

  const std::size_t rows;
  const Vectors vectors;
  FlatIndex exact;
  FlatIndex flat;
  HnswIndex graph;
};

const World& WorldOf(std::size_t rows) {
  static std::map<std::size_t, std::unique_ptr<World>> worlds;
  std::unique_ptr<World>& world = worlds[rows];
  if (world == nullptr) {
    world = std::make_unique<World>(rows);
  }
  return *world;
}

void Search(benchmark::State& state, const World& world, const VectorIndex& index, std::size_t ef) {
  const SearchOptions options{.k = kK, .ef = ef, .filter = nullptr, .source = &world.vectors};
  state.counters["recall"] = world.Recall(index, options);
  SearchStats stats;
  std::size_t query = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(index.Search(world.Query(query++), options, &stats));
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["distances"] =
      benchmark::Counter(static_cast<double>(stats.distances), benchmark::Counter::kAvgIterations);
  state.counters["rescored"] =
      benchmark::Counter(static_cast<double>(stats.rescored), benchmark::Counter::kAvgIterations);
}

void BM_FlatSearch(benchmark::State& state) {
  const World& world = WorldOf(static_cast<std::size_t>(state.range(0)));
  Search(state, world, world.flat, 0);
}
BENCHMARK(BM_FlatSearch)->ArgName("n")->Arg(1'000)->Arg(5'000);

void BM_GraphSearch(benchmark::State& state) {
  const World& world = WorldOf(static_cast<std::size_t>(state.range(0)));
  Search(state, world, world.graph, static_cast<std::size_t>(state.range(1)));
}
BENCHMARK(BM_GraphSearch)
    ->ArgNames({"n", "ef"})
    ->Args({5'000, 16})
    ->Args({5'000, 64})
    ->Args({5'000, 256});

// Lower bound of both: so many codes scored, one after the other (flat) or here and there (graph).
void BM_ScoreCodes(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const bool scattered = state.range(1) != 0;
  constexpr std::size_t kTable = 5'000;
  const World& world = WorldOf(kTable);
  const Codec codec(kDimension, IndexMetric::kDot, Encoding::kInt8);
  std::vector<std::byte> records(kTable * codec.record_bytes());
  for (std::size_t row = 0; row < kTable; ++row) {
    codec.Encode(world.vectors.Row(row), records.data() + row * codec.record_bytes());
  }
  const EncodedQuery query = codec.EncodeQuery(world.Query(0));
  std::mt19937 random(3);
  std::vector<std::uint32_t> order(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    order[i] = static_cast<std::uint32_t>(scattered ? random() % kTable : i % kTable);
  }
  for ([[maybe_unused]] auto _ : state) {
    float best = 0;
    for (const std::uint32_t row : order) {
      best = std::max(best, codec.Score(query, records.data() + row * codec.record_bytes()));
    }
    benchmark::DoNotOptimize(best);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ScoreCodes)
    ->ArgNames({"codes", "scattered"})
    ->Args({1'000, 0})
    ->Args({5'000, 0})
    ->Args({500, 1})
    ->Args({1'000, 1});

}  // namespace
}  // namespace nearhit
