// The exact tier and the store path of the cache over RocksDB, each beside the storage call that it
// cannot do without.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "engine/storage/cached_store.h"
#include "engine/storage/rocksdb_store.h"
#include "nearhit/database.h"

namespace nearhit {
namespace {

constexpr std::size_t kEntries = 10'000;
constexpr std::uint32_t kDimension = 384;

class Directory {
 public:
  Directory() {
    std::string name = std::filesystem::temp_directory_path() / "nearhit-bench-XXXXXX";
    NEARHIT_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Directory() {
    std::error_code ignored;  // it is in a directory for temporary files
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string Slot(std::size_t i) {
  return "How do I change the delivery address of order " + std::to_string(i) + "?";
}

std::vector<float> Vector(std::mt19937* random) {
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> vector(kDimension);
  for (float& component : vector) {
    component = normal(*random);
  }
  return vector;
}

class World {
 public:
  explicit World(std::uint32_t dimension) {
    auto db = Database::Open({.path = directory_.path(), .background_maintenance = false});
    NEARHIT_CHECK(db.ok());
    db_ = *std::move(db);
    NamespaceConfig config;
    config.dimension = dimension;
    config.guards_off = GuardSet::All();  // vectors are given: texts only count
    NEARHIT_CHECK(db_->CreateNamespace("b", config).ok());
    auto cache = db_->Cache("b");
    NEARHIT_CHECK(cache.ok());
    cache_ = *std::move(cache);
  }
  SemanticCache& cache() { return *cache_; }
  void Store(const std::string& slot, const std::string& answer, VectorView vector) {
    StoreIn("scope", slot, answer, vector);
  }
  void StoreIn(std::string_view scope, const std::string& slot, const std::string& answer,
               VectorView vector) {
    StoreRequest request;
    request.prompt = {.scope = scope, .slot = slot, .vector = vector};
    request.answer = answer;
    NEARHIT_CHECK(cache_->Store(request).ok());
  }
  void Fill(std::size_t answer_bytes) {
    const std::string answer(answer_bytes, 'a');
    constexpr std::size_t kBatch = 500;
    for (std::size_t first = 0; first < kEntries; first += kBatch) {
      std::vector<std::string> slots;
      std::vector<StoreRequest> requests(kBatch);
      slots.reserve(kBatch);
      for (StoreRequest& request : requests) {
        slots.push_back(Slot(first + slots.size()));
        request.prompt = {.scope = "scope", .slot = slots.back(), .vector = {}};
        request.answer = answer;
      }
      NEARHIT_CHECK(cache_->StoreBatch(requests).ok());
    }
    NEARHIT_CHECK(db_->Flush().ok());
  }

 private:
  const Directory directory_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<SemanticCache> cache_;
};

// Counts the benchmark's time as usual and the median and 99th percentile of single lookups beside
// it.
class Percentiles {
 public:
  template <typename Call>
  void Time(const Call& call) {
    const auto start = std::chrono::steady_clock::now();
    call();
    if (samples_.size() < kMaxSamples) {
      samples_.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
              .count());
    }
  }

  void Report(benchmark::State* state) {
    for (const auto& [name, share] : {std::pair("p50_us", 0.5), std::pair("p99_us", 0.99)}) {
      const auto place = samples_.begin() + static_cast<std::ptrdiff_t>(
                                                share * static_cast<double>(samples_.size() - 1));
      std::nth_element(samples_.begin(), place, samples_.end());
      state->counters[name] = *place;
    }
  }

 private:
  static constexpr std::size_t kMaxSamples = 1'000'000;
  std::vector<double> samples_;
};

// One slot over and over.
void BM_ExactHitSame(benchmark::State& state) {
  World world(0);
  world.Fill(static_cast<std::size_t>(state.range(0)));
  const std::string slot = Slot(77);
  Percentiles percentiles;
  for ([[maybe_unused]] auto _ : state) {
    percentiles.Time([&] {
      const auto found = world.cache().Lookup({.scope = "scope", .slot = slot}, {});
      NEARHIT_CHECK(found.ok() && found->kind == HitKind::kExact);
    });
  }
  percentiles.Report(&state);
}

// Thousands of different slots, made beforehand.
void BM_ExactHitSpread(benchmark::State& state) {
  World world(0);
  world.Fill(static_cast<std::size_t>(state.range(0)));
  std::vector<std::string> slots;
  for (std::size_t i = 0; i < kEntries; ++i) {
    slots.push_back(Slot(i * 7'919 % kEntries));
  }
  std::size_t next = 0;
  Percentiles percentiles;
  for ([[maybe_unused]] auto _ : state) {
    percentiles.Time([&] {
      const auto found = world.cache().Lookup({.scope = "scope", .slot = slots[next]}, {});
      NEARHIT_CHECK(found.ok() && found->kind == HitKind::kExact);
    });
    next = next + 1 == slots.size() ? 0 : next + 1;
  }
  percentiles.Report(&state);
}
// Hits with scopes of different sizes: a system prompt, tools and earlier turns.
void HitInScope(benchmark::State* state, HitKind kind) {
  constexpr std::size_t kRows = 2'000;
  World world(kDimension);
  std::mt19937 random(1);
  const std::string scope(static_cast<std::size_t>(state->range(0)), 's');
  std::vector<std::vector<float>> vectors;
  for (std::size_t row = 0; row < kRows; ++row) {
    vectors.push_back(Vector(&random));
    world.StoreIn(scope, Slot(row), std::string(1'024, 'a'), vectors.back());
  }
  Percentiles percentiles;
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : *state) {
    next = (next + 7) % kRows;
    const std::string slot = kind == HitKind::kExact ? Slot(next) : "In other words: " + Slot(next);
    percentiles.Time([&] {
      const auto found =
          world.cache().Lookup({.scope = scope, .slot = slot, .vector = vectors[next]}, {});
      NEARHIT_CHECK(found.ok() && found->kind == kind);
    });
  }
  percentiles.Report(state);
}

void BM_ExactHitInScope(benchmark::State& state) {
  HitInScope(&state, HitKind::kExact);
}
void BM_SemanticHitInScope(benchmark::State& state) {
  HitInScope(&state, HitKind::kSemantic);
}
BENCHMARK(BM_ExactHitInScope)->ArgName("scope")->Arg(100)->Arg(8'192)->Arg(65'536);
BENCHMARK(BM_SemanticHitInScope)->ArgName("scope")->Arg(100)->Arg(8'192)->Arg(65'536);

BENCHMARK(BM_ExactHitSame)->ArgName("answer")->Arg(1'024);
BENCHMARK(BM_ExactHitSpread)->ArgName("answer")->Arg(1'024)->Arg(16'384);

std::unique_ptr<KvStore> OpenStore(const Directory& directory) {
  auto store = OpenRocksDbStore({.path = directory.path()});
  NEARHIT_CHECK(store.ok());
  return CacheRows(*std::move(store), std::size_t{32} << 20);
}

std::string Key(std::size_t i) {
  std::string key = std::to_string(i);
  return std::string(16 - key.size(), '0') + key;
}

// Lower bound of an exact hit: two gets, of a small value and of the answer.
void BM_StorageGets(benchmark::State& state) {
  const Directory directory;
  const auto store = OpenStore(directory);
  for (std::size_t i = 0; i < kEntries; ++i) {
    WriteBatch batch;
    batch.Put(Family::kKeys, Key(i), std::string(16, 'i'));
    batch.Put(Family::kPayloads, Key(i),
              std::string(static_cast<std::size_t>(state.range(0)), 'a'));
    NEARHIT_CHECK(store->Write(batch, /*sync=*/false).ok());
  }
  NEARHIT_CHECK(store->Flush().ok());
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < kEntries; ++i) {
    keys.push_back(Key(i * 7'919 % kEntries));
  }
  std::string value;
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    NEARHIT_CHECK(store->Get(Family::kKeys, keys[next], ReadMode::kBlocking, &value).ok());
    NEARHIT_CHECK(store->Get(Family::kPayloads, keys[next], ReadMode::kBlocking, &value).ok());
    next = next + 1 == keys.size() ? 0 : next + 1;
  }
}
BENCHMARK(BM_StorageGets)->ArgName("answer")->Arg(1'024)->Arg(16'384);

// A store with a vector, acknowledged without a sync. The partition stays flat.
void BM_Store(benchmark::State& state) {
  World world(kDimension);
  std::mt19937 random(1);
  const std::vector<float> vector = Vector(&random);
  const std::string answer(static_cast<std::size_t>(state.range(0)), 'a');
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    world.Store(Slot(next++ % kEntries), answer, vector);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Store)->ArgName("answer")->Arg(1'024);

// Lower bound of a store: one batch of as many bytes.
void BM_StorageWrite(benchmark::State& state) {
  const Directory directory;
  const auto store = OpenStore(directory);
  const std::string answer(static_cast<std::size_t>(state.range(0)), 'a');
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::string key = Key(next++ % kEntries);
    WriteBatch batch;
    batch.Put(Family::kKeys, key, std::string(16, 'i'));
    batch.Put(Family::kHeaders, key, std::string(40, 'h'));
    batch.Put(Family::kVectors, key, std::string(kDimension * sizeof(float), 'v'));
    batch.Put(Family::kPayloads, key, answer);
    NEARHIT_CHECK(store->Write(batch, /*sync=*/false).ok());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_StorageWrite)->ArgName("answer")->Arg(1'024);

}  // namespace
}  // namespace nearhit
