// What the operations of fuzz_ops run on: a database, and what it must hold according to std::map.
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nearhit/database.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace nearhit {

// A vector as an input describes it. Plain ones are so far apart that rounding does not matter, so
// results can be foretold; others are any floats at all.
struct OpsVector {
  std::vector<float> components;
  bool plain = true;
};

struct OpsEntry {
  EntryId id;
  std::string payload;
  std::set<std::string> tags;
  OpsVector vector;
  std::int64_t expires_us = 0;
};

// Thread-safety: owned by one thread.
class OpsMachine {
 public:
  OpsMachine(Metric metric, bool on_disk);

  void Step(FuzzInput* input);
  // Compares everything.
  void CheckAll();

 private:
  using CacheKey = std::pair<std::string, std::string>;  // scope, slot

  void Open();
  bool Live(const OpsEntry& entry) const {
    return entry.expires_us == 0 || clock_.NowMicros() < entry.expires_us;
  }
  double Score(const std::vector<float>& a, const std::vector<float>& b) const;
  std::optional<std::int64_t> ReadTtl(FuzzInput* input, OpsEntry* entry) const;

  void Store(FuzzInput* input);
  void Lookup(FuzzInput* input);
  void DeleteEntry(FuzzInput* input);
  void Invalidate(FuzzInput* input);
  void Upsert(FuzzInput* input);
  void Search(FuzzInput* input);
  void DeleteKeys(FuzzInput* input);

  const Metric metric_;
  ManualClock clock_;
  std::unique_ptr<TempDir> dir_;  // null: in memory
  std::unique_ptr<Database> db_;
  std::shared_ptr<SemanticCache> cache_;
  std::shared_ptr<VectorStore> vectors_;
  std::map<CacheKey, OpsEntry> cached_;
  std::map<std::string, OpsEntry> stored_;
};

}  // namespace nearhit
