// A database on disk: reopening, and children that are killed in the middle of their work.

#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/storage/keys.h"
#include "engine/storage/rocksdb_store.h"
#include "nearhit/database.h"
#include "tests/engine/database/killed_child.h"
#include "tests/support/eventually.h"
#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

constexpr std::uint32_t kDimension = 16;

class DurabilityTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Database>> Open() {
    DatabaseOptions options;
    options.path = dir_.path();
    options.maintenance_interval_ms = 20;
    return Database::Open(options);
  }
  static NamespaceConfig Config() {
    NamespaceConfig config;
    config.dimension = kDimension;
    return config;
  }
  static StoreRequest Request(const std::string& slot, const std::vector<float>& vector) {
    StoreRequest request;
    request.prompt = {.scope = "s", .slot = slot, .vector = vector};
    request.answer = slot;
    return request;
  }
  TempDir dir_;
};

TEST_F(DurabilityTest, EverythingIsThereAfterReopening) {
  RandomVectors random(kDimension, 5, 1);
  std::map<std::string, std::vector<float>> stored;
  {
    const auto db = Open();
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT((*db)->CreateNamespace("c", Config()), IsOk());
    const auto cache = *(*db)->Cache("c");
    for (int i = 0; i < 2'500; ++i) {  // enough for a snapshot
      const std::string slot = "slot " + std::to_string(i);
      stored[slot] = random.Next();
      StoreRequest request = Request(slot, stored[slot]);
      request.metadata.tags = {"tag" + std::to_string(i % 5)};
      ASSERT_THAT(cache->Store(request), IsOk());
    }
  }
  const auto db = Open();
  ASSERT_THAT(db, IsOk());
  EXPECT_EQ((*db)->Stats().entries_from_snapshots, 2'500U);
  EXPECT_EQ((*db)->Stats().lost_sequences, 0U);
  const auto cache = *(*db)->Cache("c");
  for (const auto& [slot, vector] : stored) {
    EXPECT_EQ(cache->Lookup({.scope = "s", .slot = slot}, {})->answer, slot);
    EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "?", .vector = vector}, {})->answer, slot);
  }
  InvalidateRequest request;
  request.tags = {"tag3"};
  EXPECT_EQ(cache->Invalidate(request)->deleted, 500U);
}

TEST_F(DurabilityTest, ADamagedSnapshotIsSetAsideAndRebuilt) {
  RandomVectors random(kDimension, 5, 1);
  {
    const auto db = Open();
    ASSERT_THAT((*db)->CreateNamespace("c", Config()), IsOk());
    const auto cache = *(*db)->Cache("c");
    for (int i = 0; i < 2'500; ++i) {
      ASSERT_THAT(cache->Store(Request(std::to_string(i), random.Next())), IsOk());
    }
  }
  const auto snapshot = dir_.path() / "index" / "1-1.index";
  ASSERT_TRUE(std::filesystem::exists(snapshot));
  std::filesystem::resize_file(snapshot, 1'000);
  const auto db = Open();
  ASSERT_THAT(db, IsOk());
  EXPECT_EQ((*db)->Stats().entries_from_snapshots, 0U);
  EXPECT_TRUE(std::filesystem::exists(snapshot.string() + ".damaged"));
  const std::vector<float> query = random.Next();
  EXPECT_THAT((*(*db)->Cache("c"))->Lookup({.scope = "s", .slot = "?", .vector = query}, {}),
              IsOk());
}

TEST_F(DurabilityTest, ASecondOpenIsRefused) {
  const auto db = Open();
  ASSERT_THAT(db, IsOk());
  EXPECT_THAT(Open(), StatusIs(StatusCode::kFailedPrecondition));
}

TEST_F(DurabilityTest, ADamagedVectorIsCountedAndLoggedAndTheRestIsServed) {
  RandomVectors random(kDimension, 5, 1);
  EntryId damaged;
  {
    const auto db = Open();
    ASSERT_THAT((*db)->CreateNamespace("c", Config()), IsOk());
    const auto cache = *(*db)->Cache("c");
    for (int i = 0; i < 10; ++i) {
      damaged = cache->Store(Request(std::to_string(i), random.Next()))->id;
    }
  }
  {
    const auto store = OpenRocksDbStore({.path = dir_.path()});
    ASSERT_THAT(store, IsOk());
    WriteBatch batch;
    batch.Put(Family::kVectors, EntryKey(1, damaged), "damaged");
    ASSERT_THAT((*store)->Write(batch, /*sync=*/true), IsOk());
  }
  std::string log;
  DatabaseOptions options;
  options.path = dir_.path();
  options.log = [&log](LogLevel, const std::string& line) { log += line + "\n"; };
  const auto db = Database::Open(options);
  ASSERT_THAT(db, IsOk());
  EXPECT_EQ((*db)->DescribeNamespace("c")->stats.damaged_entries, 1U);
  EXPECT_EQ((*db)->DescribeNamespace("c")->stats.entries, 10U);
  EXPECT_THAT(log, testing::HasSubstr("the vectors of 1 entries are missing or damaged"));
  EXPECT_EQ((*(*db)->Cache("c"))->Lookup({.scope = "s", .slot = "3"}, {})->answer, "3");
}

// With a snapshot a start does not read the vectors.
TEST_F(DurabilityTest, AVectorThatTurnsOutDamagedIsAMissThatSaysSo) {
  RandomVectors random(kDimension, 5, 1);
  std::vector<float> vector;
  EntryId damaged;
  {
    const auto db = Open();
    ASSERT_THAT((*db)->CreateNamespace("c", Config()), IsOk());
    const auto cache = *(*db)->Cache("c");
    for (int i = 0; i < 2'500; ++i) {
      vector = random.Next();
      damaged = cache->Store(Request(std::to_string(i), vector))->id;
    }
  }
  {
    const auto store = OpenRocksDbStore({.path = dir_.path()});
    ASSERT_THAT(store, IsOk());
    WriteBatch batch;
    batch.Put(Family::kVectors, EntryKey(1, damaged), "damaged");
    ASSERT_THAT((*store)->Write(batch, /*sync=*/true), IsOk());
  }
  const auto db = Open();
  ASSERT_THAT(db, IsOk());
  ASSERT_EQ((*db)->Stats().entries_from_snapshots, 2'500U);
  const auto cache = *(*db)->Cache("c");
  const auto result = cache->Lookup({.scope = "s", .slot = "?", .vector = vector}, {});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->kind, HitKind::kMiss);
  EXPECT_EQ(result->miss_reason, MissReason::kReadError);
  EXPECT_EQ((*db)->DescribeNamespace("c")->stats.read_errors, 1U);
  EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "2499"}, {})->kind, HitKind::kExact);
  // It does not spoil a batch.
  const std::vector<Prompt> prompts = {{.scope = "s", .slot = "?", .vector = vector},
                                       {.scope = "s", .slot = "7"}};
  const auto batch = cache->LookupBatch(prompts, {});
  ASSERT_THAT(batch, IsOk());
  EXPECT_EQ(batch->at(0).miss_reason, MissReason::kReadError);
  EXPECT_EQ(batch->at(1).answer, "7");
}

std::vector<float> VectorOf(const std::string& answer) {
  return RandomVectors(kDimension, 1, static_cast<unsigned>(std::hash<std::string>()(answer)))
      .Next();
}

[[noreturn]] void WorkUntilKilled(const std::filesystem::path& path, int out, unsigned seed) {
  DatabaseOptions options;
  options.path = path;
  options.maintenance_interval_ms = 5;
  auto db = Database::Open(options);
  const auto cache = *(*db)->Cache("c");
  Journal journal(out);
  std::mt19937 random(seed);
  Stored mine;
  for (int i = 0;; ++i) {
    const auto choice = random() % 8;
    if (!mine.empty() && choice < 2) {
      DeleteOne(cache.get(), &journal, &random, &mine);
      continue;
    }
    const bool replaces = !mine.empty() && choice < 4;
    const bool expires = choice == 7;
    std::pair<std::string, EntryId> fresh(std::to_string(seed) + "/" + std::to_string(i),
                                          EntryId{});
    auto& [slot, id] = replaces ? mine[random() % mine.size()] : fresh;
    const std::string answer = slot + "#" + std::to_string(i);
    const std::vector<float> vector = VectorOf(answer);
    StoreRequest request;
    request.prompt = {.scope = "s", .slot = slot, .vector = vector};
    request.answer = answer;
    request.durability = random() % 8 == 0 ? Durability::kSync : Durability::kAsync;
    if (expires) {
      request.ttl_ms = 1;
    }
    journal.Intend((expires ? "expire " : "store ") + slot + " " + answer);
    id = cache->Store(request)->id;
    journal.Done();
    if (!replaces && !expires) {
      mine.push_back(fresh);
    }
  }
}

// Bar: 50 kills at random moments, more and later ones where the machine is slow. Every
// acknowledged operation has happened, whole; the one in flight has happened or has not; nothing
// deleted or expired comes back.
TEST_F(DurabilityTest, FiftyKillsUnderLoadLoseNothing) {
  {
    const auto db = Open();
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT((*db)->CreateNamespace("c", Config()), IsOk());
  }
  ExpectedEntries expected(
      [](const std::string&, const std::string& answer) { return VectorOf(answer); });
  std::mt19937 random(50);
  for (unsigned round = 1; round <= 50 || expected.operations() <= 2'000; ++round) {
    ASSERT_LE(round, 1'000U) << expected.operations() << " operations";
    SCOPED_TRACE("round " + std::to_string(round));
    expected.Replay(KilledAfter(KillDelay(round, &random), [this, round](int out) {
      WorkUntilKilled(dir_.path(), out, round);
    }));
    const auto killed = std::chrono::system_clock::now();
    EXPECT_TRUE(Eventually([killed] {  // past the TTLs of 1 ms
      return std::chrono::system_clock::now() > killed + std::chrono::milliseconds(1);
    }));
    const auto db = Open();
    ASSERT_THAT(db, IsOk());
    EXPECT_EQ((*db)->Stats().lost_sequences, 0U);
    EXPECT_EQ((*db)->DescribeNamespace("c")->stats.damaged_entries, 0U);
    const auto cache = *(*db)->Cache("c");
    expected.Check(cache.get());
    expected.CheckSemantic(cache.get(), &random);
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace nearhit
