// Re-embedding over a database on disk: closed, reopened and killed in the middle.

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/database/catalogue.h"
#include "engine/storage/keys.h"
#include "engine/storage/rocksdb_store.h"
#include "nearhit/database.h"
#include "tests/engine/database/killed_child.h"
#include "tests/engine/database/scripted_embedder.h"
#include "tests/support/signal.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Texts = EmbedderScript::Texts;

constexpr std::size_t kPage = 64;  // as reembedding.cc has it

class ReembeddingRestartTest : public testing::Test {
 protected:
  ReembeddingRestartTest() {
    RegisterScriptedEmbedder();
    EmbedderScript::Get().Reset();
    Open();
    NamespaceConfig config;
    config.embedder = ScriptedSpec("old");
    EXPECT_THAT(db_->CreateNamespace("n", config), IsOk());
  }
  void TearDown() override { EmbedderScript::Get().Reset(); }

  void Open(bool background = false) {
    db_.reset();
    DatabaseOptions options;
    options.path = dir_.path();
    options.background_maintenance = background;
    auto opened = Database::Open(options);
    ASSERT_THAT(opened, IsOk());
    db_ = *std::move(opened);
  }
  SemanticCache& Cache() { return *(cache_ = *db_->Cache("n")); }
  EntryId Store(const std::string& slot) {
    const auto stored = Cache().Store({.prompt = {.scope = "s", .slot = slot}, .answer = slot});
    EXPECT_THAT(stored, IsOk());
    return stored->id;
  }
  void StoreMany(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Store("slot " + std::to_string(i) + "~");
    }
  }
  void Change(const std::string& model) {
    NamespaceUpdate update;
    update.embedder = ScriptedSpec(model);
    update.reembed = true;
    EXPECT_THAT(db_->UpdateNamespace("n", update), IsOk());
  }
  // As far as an embedder goes that fails after so many pages.
  void WorkFor(std::size_t pages) {
    EmbedderScript::Get().SetHook([left = pages](const std::string& model, Texts) mutable {
      return model == "old" || left-- > 0 ? Status() : Unavailable("enough for now");
    });
    ASSERT_THAT(db_->RunMaintenance(), IsOk());
    EmbedderScript::Get().SetHook(nullptr);
  }
  NamespaceInfo Info() { return *db_->DescribeNamespace("n"); }
  void ExpectVectorsOf(const std::string& model, std::size_t count) {
    EXPECT_EQ(Info().embedder_identity, "scripted/" + model);
    EXPECT_EQ(Info().stats.damaged_entries, 0U);
    const ScanPage page = *Cache().Scan(EntryId{}, kMaxPageSize);
    EXPECT_EQ(page.entries.size(), count);
    for (const Entry& entry : page.entries) {
      EXPECT_THAT(entry.vector, IsVectorOf(model, entry.slot)) << entry.slot;
      const auto found = Cache().Lookup({.scope = "s", .slot = entry.slot + "other"}, {});
      EXPECT_EQ(found->id, entry.id) << entry.slot;
    }
  }
  // Keys of the family that begin so, of the closed database.
  std::vector<std::string> StoredKeys(Family family, const std::string& prefix) {
    db_.reset();
    const auto store = OpenRocksDbStore({.path = dir_.path()});
    EXPECT_THAT(store, IsOk());
    std::vector<std::string> keys;
    EXPECT_THAT((*store)->Scan(family, prefix, PrefixEnd(prefix), {.fill_cache = false},
                               [&keys](std::string_view key, std::string_view) {
                                 keys.emplace_back(key);
                                 return true;
                               }),
                IsOk());
    return keys;
  }

  const TempDir dir_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<SemanticCache> cache_;
};

TEST_F(ReembeddingRestartTest, TheWorkGoesOnWhereItStopped) {
  constexpr std::size_t kEntries = 5 * kPage - 3;
  StoreMany(kEntries);
  std::string model = "old";
  for (std::size_t pages = 0; pages <= 5; ++pages) {
    SCOPED_TRACE("closed after page " + std::to_string(pages));
    const std::string before = std::exchange(model, "model " + std::to_string(pages));
    Change(model);
    EmbedderScript::Get().Reset([&model, left = pages](const std::string& asked, Texts) mutable {
      return asked != model || left-- > 0 ? Status() : Unavailable("enough for now");
    });
    ASSERT_THAT(db_->RunMaintenance(), IsOk());
    EmbedderScript::Get().SetHook(nullptr);
    const std::size_t done = EmbedderScript::Get().embedded();
    if (pages < 5) {
      Open();
      EXPECT_EQ(Info().reembedding->identity, "scripted/" + model);
      ExpectVectorsOf(before, kEntries);
    }
    EmbedderScript::Get().Reset();
    ASSERT_THAT(db_->RunMaintenance(), IsOk());
    EXPECT_EQ(done + EmbedderScript::Get().embedded(), kEntries);
    ExpectVectorsOf(model, kEntries);
    Open();
    EXPECT_FALSE(Info().reembedding);
    ExpectVectorsOf(model, kEntries);
  }
}

TEST_F(ReembeddingRestartTest, WhatCameAndWentBesideAStoppedWorkIsFollowed) {
  StoreMany(2 * kPage);
  Change("new");
  WorkFor(1);
  Store("after the first page~");
  Open();
  Cache();
  ASSERT_THAT(cache_->Delete(EntryId{1}, Durability::kDefault), IsOkAndHolds(true));  // copied
  ASSERT_THAT(cache_->Delete(EntryId{kPage + 1}, Durability::kDefault), IsOkAndHolds(true));
  const EntryId replaced = Store("slot 2~");
  Store("after the restart~");
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  ExpectVectorsOf("new", 2 * kPage);
  EXPECT_EQ(Cache().Lookup({.scope = "s", .slot = "slot 0~"}, {})->kind, HitKind::kMiss);
  EXPECT_EQ(cache_->Lookup({.scope = "s", .slot = "slot 2~"}, {})->id, replaced);
}

TEST_F(ReembeddingRestartTest, AModelThatIsGoneAtOpenIsTriedAgain) {
  StoreMany(3);
  Change("new");
  EmbedderScript::Get().SetMissing("new");
  Open();
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_THAT(Info().reembedding->last_error, HasSubstr("model new is not there"));
  ExpectVectorsOf("old", 3);
  EmbedderScript::Get().SetMissing("");
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  ExpectVectorsOf("new", 3);
}

TEST_F(ReembeddingRestartTest, WithoutTheOldModelTheChangeStillHappens) {
  StoreMany(3);
  Change("new");
  EmbedderScript::Get().SetMissing("old");
  Open();
  EXPECT_EQ(Cache().Lookup({.scope = "s", .slot = "slot 1~"}, {})->kind, HitKind::kExact);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  ExpectVectorsOf("new", 3);
}

TEST_F(ReembeddingRestartTest, ACancelledOrReplacedChangeLeavesNothing) {
  StoreMany(2 * kPage);
  Change("new");
  WorkFor(1);
  EXPECT_EQ(Info().reembedding->done, kPage);
  EXPECT_EQ(StoredKeys(Family::kMeta, "reembedding/").size(), 1U);
  Open();
  Change("newest");
  WorkFor(1);
  Change("old");
  Open();
  EXPECT_FALSE(Info().reembedding);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  ExpectVectorsOf("old", 2 * kPage);
  EXPECT_EQ(StoredKeys(Family::kVectors, "").size(), 2 * kPage);
  EXPECT_THAT(StoredKeys(Family::kMeta, "reembedding/"), IsEmpty());
  EXPECT_THAT(StoredKeys(Family::kMeta, "dropped/"), IsEmpty());
}

// Cancelled, and reclaimed, while a page is at the embedder: what comes back is not stored.
TEST_F(ReembeddingRestartTest, ACancelledPageLeavesNothing) {
  StoreMany(2 * kPage);
  Open(/*background=*/true);
  Signal cancelled;
  EmbedderScript::Get().SetHook([this, &cancelled](const std::string& model, Texts) {
    if (model == "new") {
      Change("old");
      EXPECT_THAT(db_->RunMaintenance(), IsOk());
      cancelled.Say();
    }
    return Status();
  });
  Change("new");
  cancelled.Await();
  EXPECT_EQ(StoredKeys(Family::kVectors, "").size(), 2 * kPage);
  EXPECT_THAT(StoredKeys(Family::kMeta, "dropped/"), IsEmpty());
}

TEST_F(ReembeddingRestartTest, ADroppedNamespaceTakesItsChangeAlong) {
  StoreMany(2 * kPage);
  Change("new");
  WorkFor(1);
  ASSERT_THAT(db_->DropNamespace("n"), IsOk());
  Open();
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_THAT(StoredKeys(Family::kPayloads, ""), IsEmpty());
  EXPECT_THAT(StoredKeys(Family::kMeta, "reembedding/"), IsEmpty());
}

TEST_F(ReembeddingRestartTest, TheOldContentsAndTheirSnapshotsAreReclaimed) {
  StoreMany(2'100);  // enough for a snapshot
  Open();
  const auto snapshot = dir_.path() / "index" / "1-1.index";
  ASSERT_TRUE(std::filesystem::exists(snapshot));
  Change("new");
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_FALSE(std::filesystem::exists(snapshot));
  Open();
  EXPECT_EQ(db_->Stats().entries_from_snapshots, 2'100U);
  EXPECT_EQ(Info().stats.entries, 2'100U);
  EXPECT_EQ(StoredKeys(Family::kVectors, "").size(), 2'100U);
}

TEST_F(ReembeddingRestartTest, AnEntryThatCannotBeReadIsLeftOutAndTheRestSwitches) {
  StoreMany(10);
  db_.reset();
  {
    const auto store = OpenRocksDbStore({.path = dir_.path()});
    ASSERT_THAT(store, IsOk());
    WriteBatch batch;
    batch.Put(Family::kPayloads, EntryKey(1, EntryId{4}), "damaged");
    ASSERT_THAT((*store)->Write(batch, /*sync=*/true), IsOk());
  }
  Open();
  Change("new");
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  ExpectVectorsOf("new", 9);
  EXPECT_EQ(Info().stats.entries, 9U);
}

// A change that an older build left behind, because it knows of none: it has given the namespace
// other contents since.
TEST_F(ReembeddingRestartTest, AChangeOfOtherContentsIsDropped) {
  StoreMany(2 * kPage);
  Change("new");
  WorkFor(1);
  db_.reset();
  {
    const auto store = OpenRocksDbStore({.path = dir_.path()});
    ASSERT_THAT(store, IsOk());
    auto catalogue = Catalogue::Load(store->get());
    ASSERT_THAT(catalogue, IsOk());
    PendingReembedding change = *catalogue->Find("n")->reembedding;
    change.from = 77;
    WriteBatch batch;
    batch.Put(Family::kMeta, "reembedding/n", EncodeReembedding("reembedding/n", change));
    batch.Put(Family::kMeta, "reembedding/gone", EncodeReembedding("reembedding/gone", change));
    ASSERT_THAT((*store)->Write(batch, /*sync=*/true), IsOk());
  }
  Open();
  EXPECT_FALSE(Info().reembedding);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  ExpectVectorsOf("old", 2 * kPage);
  EXPECT_EQ(StoredKeys(Family::kVectors, "").size(), 2 * kPage);
  EXPECT_THAT(StoredKeys(Family::kMeta, "reembedding/"), IsEmpty());
}

// Stores, replaces and deletes some 200 entries while the namespace goes from one model to the next
// and on.
[[noreturn]] void ReembedUntilKilled(const std::filesystem::path& path, int out, unsigned seed) {
  DatabaseOptions options;
  options.path = path;
  options.maintenance_interval_ms = 1;
  auto db = Database::Open(options);
  const auto cache = *(*db)->Cache("n");
  Journal journal(out);
  std::mt19937 random(seed);
  Stored mine;
  const ScanPage left = *cache->Scan(EntryId{}, kMaxPageSize);
  for (const Entry& entry : left.entries) {
    mine.emplace_back(entry.slot, entry.id);
  }
  for (int i = 0;; ++i) {
    if (random() % 16 == 0 && !(*db)->DescribeNamespace("n")->reembedding) {
      NamespaceUpdate update;
      update.embedder = ScriptedSpec("model " + std::to_string(random()));
      update.reembed = true;
      if (!(*db)->UpdateNamespace("n", update).ok()) {
        _exit(2);
      }
    }
    if (!mine.empty() && random() % 400 < mine.size()) {
      DeleteOne(cache.get(), &journal, &random, &mine);
      continue;
    }
    const bool replaces = !mine.empty() && random() % 4 == 0;
    std::pair<std::string, EntryId> fresh(std::to_string(seed) + "/" + std::to_string(i) + "~",
                                          EntryId{});
    auto& [slot, id] = replaces ? mine[random() % mine.size()] : fresh;
    const std::string answer = slot + "#" + std::to_string(i);
    StoreRequest request;
    request.prompt = {.scope = "s", .slot = slot};
    request.answer = answer;
    journal.Intend("store " + slot + " " + answer);
    id = cache->Store(request)->id;
    journal.Done();
    if (!replaces) {
      mine.push_back(fresh);
    }
  }
}

// Bar: 30 kills at random moments, more and later ones where the machine is slow. Every
// acknowledged operation has happened, whole; every vector is of the one model that the namespace
// names; some changes were under way and some had come to their end.
TEST_F(ReembeddingRestartTest, ThirtyKillsLoseNothingAndMixNothing) {
  std::string model = "old";
  ExpectedEntries expected([&model](const std::string& slot, const std::string&) {
    return ScriptedVector(model, slot);
  });
  std::mt19937 random(30);
  std::set<std::string> models;
  int under_way = 0;
  db_.reset();
  const auto seen_enough = [&] {
    return expected.operations() > 1'000 && models.size() > 10 && under_way > 3;
  };
  for (unsigned round = 1; round <= 30 || !seen_enough(); ++round) {
    ASSERT_LE(round, 600U) << expected.operations() << " operations, " << models.size()
                           << " models, " << under_way << " changes under way";
    SCOPED_TRACE("round " + std::to_string(round));
    expected.Replay(KilledAfter(KillDelay(round, &random), [this, round](int out) {
      ReembedUntilKilled(dir_.path(), out, round);
    }));
    Open();
    const NamespaceInfo info = Info();
    EXPECT_EQ(info.stats.damaged_entries, 0U);
    model = info.embedder_identity.substr(info.embedder_identity.find('/') + 1);
    models.insert(model);
    under_way += info.reembedding ? 1 : 0;
    expected.Check(&Cache());
    expected.CheckSemantic(&Cache(), &random);
    cache_.reset();
    db_.reset();
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace nearhit
