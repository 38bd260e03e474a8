// Labels on disk: they are there after a kill, and after damage the others are.

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/storage/keys.h"
#include "engine/storage/rocksdb_store.h"
#include "nearhit/database.h"
#include "tests/engine/database/killed_child.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

const std::vector<float> kVector = {1, 0};

class LabelDurabilityTest : public testing::Test {
 protected:
  std::unique_ptr<Database> Open() {
    DatabaseOptions options;
    options.path = dir_.path();
    options.log = [this](LogLevel, const std::string& line) { log_ += line + "\n"; };
    auto db = Database::Open(options);
    EXPECT_THAT(db, IsOk());
    return *std::move(db);
  }
  static std::shared_ptr<SemanticCache> NewCache(Database* db) {
    NamespaceConfig config;
    config.dimension = 2;
    config.guards_off = GuardSet::All();
    EXPECT_THAT(db->CreateNamespace("c", config), IsOk());
    auto cache = *db->Cache("c");
    StoreRequest request;
    request.prompt = {.scope = "s", .slot = "entry", .vector = kVector};
    request.answer = "answer";
    EXPECT_THAT(cache->Store(request), IsOk());
    return cache;
  }
  static Status Label(SemanticCache* cache, const std::string& slot, bool serves) {
    return cache
        ->Label({.prompt = {.scope = "s", .slot = slot, .vector = kVector},
                 .matched = "entry",
                 .serves = serves,
                 .source = LabelSource::kJudge})
        .status();
  }

  TempDir dir_;
  std::string log_;
};

TEST_F(LabelDurabilityTest, WhatWasAcknowledgedIsThereAfterAKill) {
  const std::string journal = KilledAfter(std::chrono::milliseconds(700), [this](int out) {
    Journal lines(out);
    const auto db = Open();
    const auto cache = NewCache(db.get());
    for (int i = 0;; ++i) {
      const std::string slot = "asked " + std::to_string(i);
      lines.Intend(slot);
      if (!Label(cache.get(), slot, i % 2 == 0).ok()) {
        _exit(2);
      }
      lines.Done();
    }
  });
  const auto db = Open();
  const auto cache = *db->Cache("c");
  std::istringstream lines(journal);
  std::size_t labels = 0;
  for (std::string slot, done; std::getline(lines, slot) && std::getline(lines, done);) {
    const auto found = cache->Lookup({.scope = "s", .slot = slot, .vector = kVector}, {});
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->rule, "label");
    EXPECT_EQ(found->kind, labels % 2 == 0 ? HitKind::kSemantic : HitKind::kMiss) << slot;
    ++labels;
  }
  EXPECT_GT(labels, 5U);
}

TEST_F(LabelDurabilityTest, ADamagedLabelIsLeftOutAndReported) {
  {
    const auto db = Open();
    const auto cache = NewCache(db.get());
    ASSERT_THAT(Label(cache.get(), "first", false), IsOk());
    ASSERT_THAT(Label(cache.get(), "second", false), IsOk());
  }
  {
    const auto store = OpenRocksDbStore({.path = dir_.path()});
    ASSERT_THAT(store, IsOk());
    WriteBatch batch;
    ASSERT_THAT((*store)->Scan(Family::kLabels, {}, {}, {.limit = 1},
                               [&](std::string_view key, std::string_view value) {
                                 std::string bad(value);
                                 bad[3] ^= 1;
                                 batch.Put(Family::kLabels, std::string(key), bad);
                                 return true;
                               }),
                IsOk());
    ASSERT_THAT((*store)->Write(batch, /*sync=*/true), IsOk());
  }
  const auto db = Open();
  EXPECT_NE(log_.find("1 labels are damaged"), std::string::npos) << log_;
  EXPECT_EQ((*db->Cache("c"))->Policy()->refused_pairs, 1U);
}

TEST_F(LabelDurabilityTest, LabelsGoWithTheirNamespace) {
  const auto db = Open();
  ASSERT_THAT(Label(NewCache(db.get()).get(), "first", false), IsOk());
  ASSERT_THAT(db->DropNamespace("c"), IsOk());
  EXPECT_EQ(NewCache(db.get())->Policy()->refused_pairs, 0U);
}

}  // namespace
}  // namespace nearhit
