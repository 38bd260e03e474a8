// The table of entries while it grows, beside the hash table of the standard library: how long an
// insertion takes at most, which lookups wait for, and how long it takes to find an entry.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <unordered_map>

#include <benchmark/benchmark.h>

#include "engine/collection/entry_table.h"
#include "engine/collection/segmented_map.h"

namespace nearhit {
namespace {

EntryState State(std::uint64_t id) {
  EntryState state;
  state.partition = 1;
  state.key_hash = {.low = id * 0x9e3779b97f4a7c15ULL, .high = id};
  state.bytes = 100;
  return state;
}

// Fills a map with `ids` entries; the longest insertion is worst_us.
template <typename Map>
void Fill(Map* map, std::uint64_t ids, double* worst_us) {
  for (std::uint64_t id = 1; id <= ids; ++id) {
    const auto start = std::chrono::steady_clock::now();
    (*map)[id] = State(id);
    const std::chrono::duration<double, std::micro> elapsed =
        std::chrono::steady_clock::now() - start;
    *worst_us = std::max(*worst_us, elapsed.count());
  }
}

template <typename Map>
void BM_Grow(benchmark::State& state) {
  double worst_us = 0;
  for ([[maybe_unused]] auto _ : state) {
    Map map;
    Fill(&map, static_cast<std::uint64_t>(state.range(0)), &worst_us);
  }
  state.counters["worst_us"] = worst_us;
  state.counters["entries/s"] = benchmark::Counter(static_cast<double>(state.range(0)),
                                                   benchmark::Counter::kIsIterationInvariantRate);
}

const EntryState* Find(const SegmentedMap<std::uint64_t, EntryState>& map, std::uint64_t id) {
  return map.Find(id);
}
const EntryState* Find(const std::unordered_map<std::uint64_t, EntryState>& map, std::uint64_t id) {
  const auto found = map.find(id);
  return found == map.end() ? nullptr : &found->second;
}

template <typename Map>
void BM_Find(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  Map map;
  double worst_us = 0;
  Fill(&map, entries, &worst_us);
  std::mt19937_64 random(1);
  std::uint64_t found = 0;
  for ([[maybe_unused]] auto _ : state) {
    // The next waits for this one, as a lookup does.
    found += Find(map, (random() + found) % entries + 1)->bytes;
  }
  benchmark::DoNotOptimize(found);
}

using Segmented = SegmentedMap<std::uint64_t, EntryState>;
using OneTable = std::unordered_map<std::uint64_t, EntryState>;
BENCHMARK(BM_Grow<Segmented>)->Arg(100'000)->Arg(1'100'000)->Iterations(1);
BENCHMARK(BM_Grow<OneTable>)->Arg(100'000)->Arg(1'100'000)->Iterations(1);
BENCHMARK(BM_Find<Segmented>)->Arg(10'000)->Arg(1'000'000);
BENCHMARK(BM_Find<OneTable>)->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace nearhit
