// A database on disk: reopening, and children that are killed in the middle of their work.

#include <csignal>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "nearhit/database.h"
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

// One line per acknowledged operation, written to a pipe before the next one begins.
void WorkUntilKilled(const std::filesystem::path& path, int out, unsigned seed) {
  DatabaseOptions options;
  options.path = path;
  options.maintenance_interval_ms = 5;
  auto db = Database::Open(options);
  const auto cache = *(*db)->Cache("c");
  RandomVectors vectors(kDimension, 5, seed);
  std::mt19937 random(seed);
  std::vector<std::pair<std::string, EntryId>> mine;
  for (int i = 0;; ++i) {
    std::string line;
    if (!mine.empty() && random() % 4 == 0) {
      const auto [slot, id] = mine.back();
      mine.pop_back();
      (void)cache->Delete(id, Durability::kDefault);
      line = "-" + slot + "\n";
    } else {
      StoreRequest request;
      const std::string slot = std::to_string(seed) + "/" + std::to_string(i);
      const std::vector<float> vector = vectors.Next();
      request.prompt = {.scope = "s", .slot = slot, .vector = vector};
      request.answer = slot;
      request.durability = random() % 8 == 0 ? Durability::kSync : Durability::kAsync;
      if (random() % 8 == 0) {
        request.ttl_ms = 1;
        line = "~" + slot + "\n";
      } else {
        line = "+" + slot + "\n";
      }
      const auto stored = cache->Store(request);
      if (line[0] == '+') {
        mine.emplace_back(slot, stored->id);
      }
    }
    if (write(out, line.data(), line.size()) < 0) {
      _exit(1);
    }
  }
}

// Bar: 50 kills at random moments lose no acknowledged entry and bring no deleted or expired one
// back.
TEST_F(DurabilityTest, FiftyKillsUnderLoadLoseNothing) {
  {
    const auto db = Open();
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT((*db)->CreateNamespace("c", Config()), IsOk());
  }
  std::map<std::string, char> expected;  // slot -> last acknowledged operation
  std::mt19937 random(50);
  for (unsigned round = 1; round <= 50; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(pipe_ends[0]);
      WorkUntilKilled(dir_.path(), pipe_ends[1], round);
    }
    close(pipe_ends[1]);
    std::thread killer([child, delay = 30 + random() % 120] {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay));
      kill(child, SIGKILL);
    });
    std::string acknowledged;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(pipe_ends[0], buffer, sizeof(buffer))) > 0;) {
      acknowledged.append(buffer, static_cast<std::size_t>(got));
    }
    killer.join();
    close(pipe_ends[0]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    for (std::size_t at = 0; at < acknowledged.size();) {
      const std::size_t end = acknowledged.find('\n', at);
      if (end == std::string::npos) {
        break;
      }
      expected[acknowledged.substr(at + 1, end - at - 1)] = acknowledged[at];
      at = end + 1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // past the TTLs of 1 ms
    const auto db = Open();
    ASSERT_THAT(db, IsOk()) << "round " << round;
    EXPECT_EQ((*db)->Stats().lost_sequences, 0U);
    const auto cache = *(*db)->Cache("c");
    std::string in_flight;  // the operation after the last acknowledged one may or may not be there
    for (const auto& [slot, operation] : expected) {
      const HitKind kind = cache->Lookup({.scope = "s", .slot = slot}, {})->kind;
      if (operation == '+' && kind != HitKind::kExact) {
        // Only a delete that was running when the kill came may explain it, at most one a round.
        EXPECT_TRUE(in_flight.empty() && slot.starts_with(std::to_string(round) + "/"))
            << "round " << round << " lost " << slot;
        in_flight = slot;
      } else if (operation != '+') {
        EXPECT_EQ(kind, HitKind::kMiss) << "round " << round << " brought back " << slot;
      }
    }
    if (!in_flight.empty()) {
      expected[in_flight] = '-';
    }
  }
  EXPECT_GT(expected.size(), 500U);
}

}  // namespace
}  // namespace nearhit
