// Many small partitions: what each takes beside its vectors and ids, and a search in one of them,
// beside its lower bound: making the query ready, and scoring as many codes.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <malloc.h>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/collection/partition_table.h"

namespace nearhit {
namespace {

constexpr IndexShape kShape{.dimension = 384};

std::vector<float> RandomVector(std::mt19937* random) {
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> vector(kShape.dimension);
  float squares = 0;
  for (float& component : vector) {
    component = normal(*random);
    squares += component * component;
  }
  for (float& component : vector) {
    component /= std::sqrt(squares);
  }
  return vector;
}

Hash128 ScopeHash(std::size_t partition) {
  return {.low = Hash64(std::to_string(partition)), .high = partition};
}

// Entries come to all partitions in turn, as they do in a process that serves many users.
PartitionTable MakeTable(std::size_t partitions, std::size_t entries,
                         std::size_t scope_bytes = 10) {
  std::mt19937 random(1);
  PartitionTable table;
  for (std::size_t i = 0; i < partitions; ++i) {
    table.Insert(PartitionPtr::Make(i + 1, ScopeHash(i), std::string(scope_bytes, 's'), kShape));
  }
  const std::vector<float> vector = RandomVector(&random);
  std::uint64_t id = 0;
  for (std::size_t entry = 0; entry < entries; ++entry) {
    for (const PartitionPtr& partition : table.all()) {
      partition->index.Add(EntryId{++id}, vector).IgnoreError();  // fails at 2^31 entries only
    }
  }
  return table;
}

std::size_t HeapBytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void BM_SmallPartitionBytes(benchmark::State& state) {
  constexpr std::size_t kPartitions = 20'000;
  const auto entries = static_cast<std::size_t>(state.range(0));
  const Codec codec(kShape.dimension, kShape.metric, kShape.encoding);
  double beside = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::size_t before = HeapBytes();
    const PartitionTable table =
        MakeTable(kPartitions, entries, static_cast<std::size_t>(state.range(1)));
    beside = static_cast<double>(HeapBytes() - before) / kPartitions -
             static_cast<double>(entries * (codec.record_bytes() + sizeof(EntryId)));
  }
  state.counters["bytes_beside"] = beside;
}
BENCHMARK(BM_SmallPartitionBytes)
    ->ArgNames({"entries", "scope_bytes"})
    ->Args({1, 10})
    ->Args({4, 10})
    ->Args({20, 10})
    ->Args({4, 36})
    ->Iterations(1);

// A vector of its own for each of the entries of one partition; with many partitions most of what a
// search reads is in none of the caches.
void BM_SmallPartitionSearch(benchmark::State& state) {
  const auto partitions = static_cast<std::size_t>(state.range(0));
  const auto entries = static_cast<std::size_t>(state.range(1));
  const PartitionTable table = MakeTable(partitions, entries);
  std::mt19937 random(2);
  const std::vector<float> query = RandomVector(&random);
  SearchStats stats;
  for ([[maybe_unused]] auto _ : state) {
    const PartitionPtr partition = table.FindScope(ScopeHash(random() % partitions));
    benchmark::DoNotOptimize(partition->index.Search(query, {.k = 1, .min_score = 0.9F}, &stats));
  }
}
BENCHMARK(BM_SmallPartitionSearch)
    ->ArgNames({"partitions", "entries"})
    ->Args({1, 20})
    ->Args({20'000, 4})
    ->Args({20'000, 20});

void BM_SearchLowerBound(benchmark::State& state) {
  const Codec codec(kShape.dimension, kShape.metric, kShape.encoding);
  std::mt19937 random(3);
  const std::vector<float> vector = RandomVector(&random);
  std::vector<std::byte> record(codec.record_bytes());
  codec.Encode(vector, record.data());
  for ([[maybe_unused]] auto _ : state) {
    const EncodedQuery query = codec.EncodeQuery(vector);
    for (std::int64_t entry = 0; entry < state.range(0); ++entry) {
      benchmark::DoNotOptimize(codec.Score(query, record.data()));
    }
  }
}
BENCHMARK(BM_SearchLowerBound)->ArgName("entries")->Arg(4)->Arg(20);

}  // namespace
}  // namespace nearhit
