// count_instructions CASE: does one operation of the hot paths many times where callgrind counts,
// and prints how many times. scripts/check-instructions compares the counts with
// bench/baseline.json. Instructions say nothing of cache misses, but they are the same on a busy
// machine.
#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <valgrind/callgrind.h>
#include <vector>

#include "base/check.h"
#include "index/flat_index.h"
#include "index/hnsw_index.h"
#include "nearhit/database.h"
#include "tests/support/random_vectors.h"

namespace nearhit {
namespace {

constexpr std::size_t kDimension = 384;
constexpr std::size_t kWarmUps = 300;  // graphs learn how low walks end
constexpr float kThreshold = 0.8F;

// Vectors in clusters, queries near them and queries that are near to none.
class Queries {
 public:
  explicit Queries(std::size_t rows) {
    for (std::size_t row = 0; row < rows; ++row) {
      rows_.push_back(random_.Next());
    }
  }
  const std::vector<std::vector<float>>& rows() const { return rows_; }
  std::vector<float> Near(std::size_t i) { return random_.Near(rows_[i * 7 % rows_.size()], 0.3F); }
  std::vector<float> Far() { return far_.Next(); }

 private:
  RandomVectors random_{kDimension, 50, 1};
  RandomVectors far_{kDimension, 50, 2};
  std::vector<std::vector<float>> rows_;
};

// What is counted, for operation i.
using Operation = std::function<void(std::size_t)>;

std::size_t Count(std::size_t times, const Operation& operation) {
  for (std::size_t i = 0; i < kWarmUps; ++i) {
    operation(i);
  }
  CALLGRIND_TOGGLE_COLLECT;
  for (std::size_t i = 0; i < times; ++i) {
    operation(kWarmUps + i);
  }
  CALLGRIND_TOGGLE_COLLECT;
  return times;
}

std::size_t CountSearches(VectorIndex* index, std::size_t rows, bool hits) {
  constexpr std::size_t kTimes = 200;
  Queries queries(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    NEARHIT_CHECK(index->Add(EntryId{row + 1}, queries.rows()[row]).ok());
  }
  std::vector<std::vector<float>> asked;
  for (std::size_t i = 0; i < kWarmUps + kTimes; ++i) {
    asked.push_back(hits ? queries.Near(i) : queries.Far());
  }
  SearchStats stats;
  return Count(kTimes, [&](std::size_t i) {
    const auto found =
        *index->Search(asked[i], {.k = 1, .min_score = kThreshold, .any_match = true}, &stats);
    NEARHIT_CHECK((found.at(0).score >= kThreshold) == hits);
  });
}

Codec Int8() {
  return {kDimension, IndexMetric::kCosine, Encoding::kInt8};
}

std::size_t ScanFew() {
  FlatIndex index(Int8());
  return CountSearches(&index, 20, /*hits=*/false);
}

std::size_t ScanMany() {
  FlatIndex index(Int8());
  return CountSearches(&index, 5'000, /*hits=*/false);
}

std::size_t WalkHit() {
  HnswIndex index(Int8());
  return CountSearches(&index, 2'000, /*hits=*/true);
}

std::size_t WalkMiss() {
  HnswIndex index(Int8());
  return CountSearches(&index, 2'000, /*hits=*/false);
}

std::size_t GraphInsert() {
  constexpr std::size_t kTimes = 100;
  HnswIndex index(Int8(), 4'000);
  const Queries vectors(1'000 + kWarmUps + kTimes);
  for (std::size_t row = 0; row < 1'000; ++row) {
    NEARHIT_CHECK(index.Add(EntryId{row + 1}, vectors.rows()[row]).ok());
  }
  return Count(kTimes, [&](std::size_t i) {
    NEARHIT_CHECK(index.Add(EntryId{1'001 + i}, vectors.rows()[1'000 + i]).ok());
  });
}

// A cache in memory with answers of 1 KB.
class Cache {
 public:
  Cache() {
    auto db = Database::Open({.in_memory = true, .background_maintenance = false});
    NEARHIT_CHECK(db.ok());
    db_ = *std::move(db);
    NamespaceConfig config;
    config.dimension = kDimension;
    config.threshold = kThreshold;
    config.guards_off = GuardSet::All();  // vectors are given: texts only count
    NEARHIT_CHECK(db_->CreateNamespace("n", config).ok());
    cache_ = *db_->Cache("n");
  }
  SemanticCache* operator->() const { return cache_.get(); }
  void Store(std::size_t i, const std::vector<float>& vector) const {
    const std::string answer(1'024, 'a');
    const std::string slot = Slot(i);
    StoreRequest request;
    request.prompt = {.scope = "scope", .slot = slot, .vector = vector};
    request.answer = answer;
    NEARHIT_CHECK(cache_->Store(request).ok());
  }
  static std::string Slot(std::size_t i) {
    return "How do I change the delivery address of order " + std::to_string(i) + "?";
  }

 private:
  std::unique_ptr<Database> db_;
  std::shared_ptr<SemanticCache> cache_;
};

std::size_t CountLookups(HitKind kind) {
  constexpr std::size_t kRows = 200;
  constexpr std::size_t kTimes = 200;
  const Cache cache;
  Queries queries(kRows);
  for (std::size_t row = 0; row < kRows; ++row) {
    cache.Store(row, queries.rows()[row]);
  }
  std::vector<std::vector<float>> vectors;
  std::vector<std::string> slots;
  for (std::size_t i = 0; i < kWarmUps + kTimes; ++i) {
    vectors.push_back(kind == HitKind::kSemantic ? queries.Near(i) : queries.Far());
    slots.push_back(kind == HitKind::kExact ? Cache::Slot(i % kRows)
                                            : "asked " + std::to_string(i));
  }
  return Count(kTimes, [&](std::size_t i) {
    const Prompt prompt{.scope = "scope", .slot = slots[i], .vector = vectors[i]};
    const auto found = cache->Lookup(prompt, {});
    NEARHIT_CHECK(found.ok() && found->kind == kind);
  });
}

std::size_t LookupExact() {
  return CountLookups(HitKind::kExact);
}

std::size_t LookupSemantic() {
  return CountLookups(HitKind::kSemantic);
}

std::size_t LookupMiss() {
  return CountLookups(HitKind::kMiss);
}

std::size_t Store() {
  constexpr std::size_t kTimes = 200;
  const Cache cache;
  const Queries vectors(kWarmUps + kTimes);
  return Count(kTimes, [&](std::size_t i) { cache.Store(i, vectors.rows()[i]); });
}

struct Case {
  const char* name;
  std::size_t (*run)();
};

constexpr std::array kCases = {
    Case{"lookup_exact", LookupExact}, Case{"lookup_semantic", LookupSemantic},
    Case{"lookup_miss", LookupMiss},   Case{"store", Store},
    Case{"scan_20", ScanFew},          Case{"scan_5000", ScanMany},
    Case{"walk_hit", WalkHit},         Case{"walk_miss", WalkMiss},
    Case{"graph_insert", GraphInsert},
};

}  // namespace
}  // namespace nearhit

int main(int argc, char** argv) {
  for (const nearhit::Case& one : nearhit::kCases) {
    if (argc == 2 && std::strcmp(argv[1], one.name) == 0) {
      std::printf("%zu\n", one.run());
      return 0;
    }
  }
  for (const nearhit::Case& one : nearhit::kCases) {
    std::printf("%s\n", one.name);
  }
  return argc == 1 ? 0 : 2;
}
