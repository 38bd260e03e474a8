// Backups of a database that is written meanwhile, opened as databases.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "nearhit/database.h"
#include "tests/support/eventually.h"
#include "tests/support/repeating_threads.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

// What has been acknowledged.
struct Acknowledged {
  std::map<std::string, EntryId> stored;
  std::set<std::string> deleting;  // or deleted
  std::set<std::string> deleted;
  std::vector<std::string> labelled;
};

class DatabaseBackupTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kDimension = 16;

  static std::vector<float> VectorOf(const std::string& slot) {
    std::mt19937 random(static_cast<std::uint32_t>(std::hash<std::string>()(slot)));
    std::normal_distribution<float> component;
    std::vector<float> vector(kDimension);
    float squares = 0;
    for (float& value : vector) {
      value = component(random);
      squares += value * value;
    }
    for (float& value : vector) {
      value /= std::sqrt(squares);
    }
    return vector;
  }

  // One in three is in a blob file.
  static std::string AnswerOf(const std::string& slot) {
    return slot + std::string(slot.size() % 3 == 0 ? 6'000 : 60, '.');
  }

  static std::unique_ptr<Database> Open(const std::filesystem::path& path) {
    DatabaseOptions options;
    options.path = path;
    options.maintenance_interval_ms = 20;
    auto db = Database::Open(options);
    EXPECT_THAT(db, IsOk());
    return *std::move(db);
  }
  void SetUp() override {
    db_ = Open(dir_.path() / "db");
    NamespaceConfig config;
    config.dimension = kDimension;
    config.guards_off = GuardSet::All();
    ASSERT_THAT(db_->CreateNamespace("c", config), IsOk());
    cache_ = *db_->Cache("c");
    Store("anchor");
  }

  void Store(const std::string& slot) {
    const std::vector<float> vector = VectorOf(slot);
    const std::string answer = AnswerOf(slot);
    StoreRequest request;
    request.prompt = {.scope = "s", .slot = slot, .vector = vector};
    request.answer = answer;
    request.durability = Durability::kSync;
    const auto stored = cache_->Store(request);
    ASSERT_THAT(stored, IsOk());
    MutexLock lock(&mu_);
    done_.stored[slot] = stored->id;
  }
  void DeleteOne() {
    std::string slot;
    EntryId id;
    {
      MutexLock lock(&mu_);
      const auto found =
          std::ranges::find_if(done_.stored, [this](const auto& entry) NEARHIT_REQUIRES(mu_) {
            return entry.first != "anchor" && !done_.deleting.contains(entry.first);
          });
      if (found == done_.stored.end()) {
        return;
      }
      slot = found->first;
      id = found->second;
      done_.deleting.insert(slot);
    }
    ASSERT_TRUE(*cache_->Delete(id, Durability::kSync));
    MutexLock lock(&mu_);
    done_.deleted.insert(slot);
  }
  // Of prompts that are as the anchor; every other one is not served with it.
  static bool Serves(const std::string& slot) { return slot.back() % 2 == 0; }
  void Label(const std::string& slot) {
    const std::vector<float> vector = VectorOf("anchor");
    ASSERT_THAT(cache_->Label({.prompt = {.scope = "s", .slot = slot, .vector = vector},
                               .matched = "anchor",
                               .serves = Serves(slot),
                               .source = LabelSource::kJudge}),
                IsOk());
    MutexLock lock(&mu_);
    done_.labelled.push_back(slot);
  }
  Acknowledged Done() {
    MutexLock lock(&mu_);
    return done_;
  }

  // `before` was acknowledged before the backup, `after` when it was there.
  static void Check(const std::filesystem::path& backup, const Acknowledged& before,
                    const Acknowledged& after) {
    const auto db = Open(backup);
    EXPECT_EQ(db->Stats().lost_sequences, 0U);
    const auto cache = *db->Cache("c");
    std::map<std::string, Entry> found;
    EntryId next;
    do {
      ScanPage page = *cache->Scan(next, kMaxPageSize);
      EXPECT_TRUE(page.damaged.empty());
      for (Entry& entry : page.entries) {
        found[entry.slot] = std::move(entry);
      }
      next = page.next;
    } while (next);
    for (const auto& [slot, id] : before.stored) {
      if (after.deleting.contains(slot)) {
        EXPECT_FALSE(before.deleted.contains(slot) && found.contains(slot)) << "came back " << slot;
        continue;
      }
      ASSERT_TRUE(found.contains(slot)) << "lost " << slot;
      EXPECT_EQ(found[slot].id, id);
      EXPECT_EQ(found[slot].answer, AnswerOf(slot));
      EXPECT_THAT(found[slot].vector,
                  testing::Pointwise(testing::FloatNear(1e-5F), VectorOf(slot)));
      const std::vector<float> vector = VectorOf(slot);
      EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "?", .vector = vector}, {})->answer,
                AnswerOf(slot));
    }
    const std::vector<float> vector = VectorOf("anchor");
    for (const std::string& slot : before.labelled) {
      const auto looked = cache->Lookup({.scope = "s", .slot = slot, .vector = vector}, {});
      ASSERT_THAT(looked, IsOk());
      EXPECT_EQ(looked->rule, "label") << slot;
      EXPECT_EQ(looked->kind, Serves(slot) ? HitKind::kSemantic : HitKind::kMiss) << slot;
    }
  }

  TempDir dir_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<SemanticCache> cache_;
  Mutex mu_;
  Acknowledged done_ NEARHIT_GUARDED_BY(mu_);
};

TEST_F(DatabaseBackupTest, HasWhatWasAcknowledgedBeforeIt) {
  constexpr int kBackups = 5;
  std::atomic<int> stores{0};
  std::atomic<int> labels{0};
  std::vector<Acknowledged> before;
  std::vector<Acknowledged> after;
  const auto backup = [this](int i) { return dir_.path() / ("backup " + std::to_string(i)); };
  {
    RepeatingThreads storing(3, [&] { Store("slot " + std::to_string(stores++)); });
    RepeatingThreads deleting(1, [&] {
      if (stores > 100) {
        DeleteOne();
      }
    });
    RepeatingThreads labelling(1, [&] { Label("asked " + std::to_string(labels++)); });
    for (int i = 0; i < kBackups; ++i) {
      ASSERT_TRUE(Eventually([&] {
        const Acknowledged done = Done();
        const auto enough = static_cast<std::size_t>(i) * 20 + 10;
        return done.stored.size() > 10 * enough && done.deleted.size() > enough &&
               done.labelled.size() > enough;
      }));
      before.push_back(Done());
      const auto made = db_->Backup(backup(i));
      ASSERT_THAT(made, IsOk());
      EXPECT_GT(made->seconds, 0);
      after.push_back(Done());
    }
  }
  Store("after the last");
  for (int i = 0; i < kBackups; ++i) {
    Check(backup(i), before[static_cast<std::size_t>(i)], after[static_cast<std::size_t>(i)]);
  }
  const auto last = Open(backup(kBackups - 1));
  EXPECT_EQ((*last->Cache("c"))->Lookup({.scope = "s", .slot = "after the last"}, {})->kind,
            HitKind::kMiss);
}

TEST_F(DatabaseBackupTest, IsRefusedInMemory) {
  DatabaseOptions options;
  options.in_memory = true;
  const auto db = Database::Open(options);
  ASSERT_THAT(db, IsOk());
  EXPECT_THAT((*db)->Backup(dir_.path() / "x"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / "x"));
}

}  // namespace
}  // namespace nearhit
