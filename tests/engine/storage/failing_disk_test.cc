// A disk that fails at every one of its first calls in turn: nothing ends the process, nothing
// acknowledged is lost, and writes work again when the disk does.

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "engine/storage/rocksdb_store.h"
#include "tests/engine/storage/faulty_file_system.h"
#include "tests/support/eventually.h"
#include "tests/support/repeating_threads.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

// The calls that fail, one in each run: every sixth of the first 36, others for each kind of fault;
// with NEARHIT_DISK_CALLS every one up to that. RocksDB sleeps for a second after a failed flush.
std::vector<std::uint64_t> FailingCalls(int kind) {
  const char* all = std::getenv("NEARHIT_DISK_CALLS");
  const int last = all != nullptr ? std::atoi(all) : 36;
  const int step = all != nullptr ? 1 : 6;
  std::vector<std::uint64_t> calls;
  for (int nth = 1 + kind % step; nth <= last; nth += step) {
    calls.push_back(static_cast<std::uint64_t>(nth));
  }
  return calls;
}

bool IsRefusal(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kResourceExhausted;
}

struct FaultKind {
  int number;
  std::string name;
  DiskFault fault;
};

class FailingDiskTest : public testing::TestWithParam<FaultKind> {
 protected:
  Result<std::unique_ptr<KvStore>> Open(const std::filesystem::path& path) {
    return OpenRocksDbStore({.path = path, .file_system = disk_});
  }

  // A write that is expected to be there from now on if it is acknowledged.
  Status Put(KvStore* store, const std::string& key, std::size_t bytes, bool sync) {
    const std::string value(bytes, static_cast<char>('a' + key.size() % 20));
    WriteBatch batch;
    for (const Family family : {Family::kHeaders, Family::kPayloads}) {
      batch.Put(family, key, value);
    }
    tried_[key] = value;
    Status written = store->Write(batch, sync);
    if (written.ok()) {
      acknowledged_[key] = value;
    }
    return written;
  }

  // What writes and flushes tables, a manifest and the log.
  void Work(KvStore* store, const std::string& round) {
    for (int i = 0; i < 12; ++i) {
      const Status written =
          Put(store, round + std::to_string(i), i % 4 == 3 ? 40'000 : 100, i % 3 == 0);
      ASSERT_TRUE(written.ok() || IsRefusal(written)) << written.ToString();
      if (i % 4 == 1) {
        const Status flushed = store->Flush();
        ASSERT_TRUE(flushed.ok() || IsRefusal(flushed)) << flushed.ToString();
      }
      if (i % 5 == 2) {  // makes tables, and leaves nothing in memory of most families
        const Status dropped = store->DropPrefix(round + std::to_string(i));
        acknowledged_.erase(round + std::to_string(i));
        dropped_.insert(round + std::to_string(i));
        ASSERT_TRUE(dropped.ok() || IsRefusal(dropped)) << dropped.ToString();
      }
    }
  }

  void ExpectAllIn(const KvStore& store) {
    std::string value;
    for (const auto& [key, expected] : acknowledged_) {
      for (const Family family : {Family::kHeaders, Family::kPayloads}) {
        ASSERT_THAT(store.Get(family, key, ReadMode::kBlocking, &value), IsOk()) << key;
        ASSERT_EQ(value, expected) << key;
      }
    }
  }
  // What was refused is there whole or not at all.
  void ExpectNothingTorn(const KvStore& store) {
    for (const auto& [key, expected] : tried_) {
      if (dropped_.contains(key)) {
        continue;
      }
      std::string header;
      std::string payload;
      const Status first = store.Get(Family::kHeaders, key, ReadMode::kBlocking, &header);
      const Status second = store.Get(Family::kPayloads, key, ReadMode::kBlocking, &payload);
      ASSERT_EQ(first.code(), second.code()) << key;
      ASSERT_TRUE(!first.ok() || (header == expected && payload == expected)) << key;
    }
  }

  void ExpectWritesAgain(KvStore* store) {
    Status written;
    EXPECT_TRUE(Eventually(
        [&] {
          written = Put(store, "again", 100, /*sync=*/true);
          return written.ok();
        },
        std::chrono::seconds(5)))
        << written.ToString();
  }

  const std::shared_ptr<FaultyFileSystem> disk_ = std::make_shared<FaultyFileSystem>();
  std::map<std::string, std::string> tried_;
  std::set<std::string> dropped_;  // perhaps in part
  std::map<std::string, std::string> acknowledged_;
};

TEST_P(FailingDiskTest, AFaultAtEveryCallLosesNothingAndIsGotOver) {
  int runs = 0;
  for (const std::uint64_t nth : FailingCalls(GetParam().number)) {
    SCOPED_TRACE("call " + std::to_string(nth));
    tried_.clear();
    acknowledged_.clear();
    const TempDir dir;
    DiskFault fault = GetParam().fault;
    fault.nth = nth;
    ASSERT_THAT(Open(dir.path()), IsOk());
    {
      const auto store = Open(dir.path());  // with nothing in memory
      ASSERT_THAT(store, IsOk());
      disk_->Fail(fault);
      Work(store->get(), "first ");
      ExpectAllIn(**store);  // reads go on
      if (HasFatalFailure()) {
        return;
      }
      disk_->Heal();
      if (++runs % 2 == 0) {  // the others are closed as they are
        ExpectWritesAgain(store->get());
        Work(store->get(), "second ");
        ExpectAllIn(**store);
      }
    }
    const auto store = Open(dir.path());
    ASSERT_THAT(store, IsOk());
    ExpectAllIn(**store);
    ExpectNothingTorn(**store);
    EXPECT_EQ((*store)->lost_sequences(), 0U);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_P(FailingDiskTest, AFaultWhileItOpensIsAnError) {
  const TempDir dir;
  {
    const auto store = Open(dir.path());
    Work(store->get(), "before ");
  }
  for (const std::uint64_t nth : FailingCalls(GetParam().number)) {
    SCOPED_TRACE("call " + std::to_string(nth));
    DiskFault fault = GetParam().fault;
    fault.nth = nth;
    disk_->Fail(fault);
    {
      const auto store = Open(dir.path());
      ASSERT_TRUE(store.ok() || IsRefusal(store.status())) << store.status().ToString();
    }
    disk_->Heal();
    const auto store = Open(dir.path());
    ASSERT_THAT(store, IsOk());
    ExpectAllIn(**store);
    Put(store->get(), "after " + std::to_string(nth), 100, /*sync=*/true).IgnoreError();
    ASSERT_FALSE(HasFailure());
  }
}

// Syncs of a log that is no longer written, by a flush and by a writer at once.
TEST_P(FailingDiskTest, ManyWritersAndFlushesGetOverFaults) {
  constexpr int kFaults = 3;
  const TempDir dir;
  const auto store = Open(dir.path());
  ASSERT_THAT(store, IsOk());
  Mutex mu;
  std::set<std::string> kept;
  std::atomic<int> next{0};
  RepeatingThreads writers(3, [&] {
    const int i = next.fetch_add(1);
    const std::string key = "row " + std::to_string(i);
    WriteBatch batch;
    batch.Put(Family::kPayloads, key, key);
    batch.Put(Family::kHeaders, "dropped " + std::to_string(i % 100), std::string(2'000, 'x'));
    if ((*store)->Write(batch, i % 4 != 0).ok()) {
      MutexLock lock(&mu);
      kept.insert(key);
    }
  });
  RepeatingThreads flushes(1, [&] { (*store)->DropPrefix("dropped ").IgnoreError(); });
  for (int i = 0; i < kFaults; ++i) {
    DiskFault fault = GetParam().fault;
    fault.nth = 20 + static_cast<std::uint64_t>(i);
    disk_->Fail(fault);
    EXPECT_TRUE(Eventually([&] { return disk_->failures() > 0; }));
    disk_->Heal();
    const int seen = next.load();
    EXPECT_TRUE(Eventually([&] { return next.load() > seen + 10; }));
    ExpectWritesAgain(store->get());
  }
  writers.Stop();
  flushes.Stop();
  std::string value;
  for (const std::string& key : kept) {
    ASSERT_THAT((*store)->Get(Family::kPayloads, key, ReadMode::kBlocking, &value), IsOk()) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FailingDiskTest,
    testing::Values(FaultKind{0, "IoErrorOnce", {.error = EIO}},
                    FaultKind{1, "IoErrorLasts", {.lasting = true, .error = EIO}},
                    FaultKind{2, "SyncFailsOnce", {.calls = {DiskCall::kSync}, .error = EIO}},
                    FaultKind{3, "FullOnce", {.calls = {DiskCall::kWrite}, .error = ENOSPC}},
                    FaultKind{4,
                              "FullLasts",
                              {.calls = {DiskCall::kWrite, DiskCall::kOpen, DiskCall::kSync},
                               .lasting = true,
                               .error = ENOSPC}},
                    FaultKind{5,
                              "NoDescriptors",
                              {.calls = {DiskCall::kOpen}, .lasting = true, .error = EMFILE}},
                    FaultKind{6,
                              "ReadOnly",
                              {.calls = {DiskCall::kOpen, DiskCall::kRename, DiskCall::kWrite},
                               .lasting = true,
                               .error = EROFS}}),
    [](const testing::TestParamInfo<FaultKind>& kind) { return kind.param.name; });

}  // namespace
}  // namespace nearhit
