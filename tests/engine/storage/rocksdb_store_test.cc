#include "engine/storage/rocksdb_store.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "base/descriptor.h"
#include "engine/storage/cached_store.h"
#include "tests/engine/storage/kv_store_contract.h"
#include "tests/support/eventually.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

// A store that removes its directory after itself.
class OwnedStore final : private TempDir, public ForwardingStore {
 public:
  OwnedStore() : ForwardingStore(*OpenRocksDbStore({.path = TempDir::path()})) {}
};

INSTANTIATE_TEST_SUITE_P(RocksDb, KvStoreContract,
                         testing::Values([] { return std::make_unique<OwnedStore>(); }));
INSTANTIATE_TEST_SUITE_P(CachedRocksDb, KvStoreContract, testing::Values([] {
                           return CacheRows(std::make_unique<OwnedStore>(), std::size_t{1} << 20);
                         }));

class RocksDbStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<KvStore>> Open() { return OpenRocksDbStore({.path = dir_.path()}); }
  static void Put(KvStore* store, const std::string& key, const std::string& value, bool sync) {
    WriteBatch batch;
    batch.Put(Family::kPayloads, key, value);
    ASSERT_THAT(store->Write(batch, sync), IsOk());
  }
  std::filesystem::path WalPath() const {
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      if (entry.path().extension() == ".log" && entry.file_size() > 0) {
        return entry.path();
      }
    }
    return {};
  }
  // Runs `work` in a child that is killed at its end without any clean-up.
  template <typename Work>
  void InKilledChild(Work work) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      work();
      kill(getpid(), SIGKILL);
    }
    int state = 0;
    ASSERT_EQ(waitpid(child, &state, 0), child);
    ASSERT_TRUE(WIFSIGNALED(state));
  }

  TempDir dir_;
};

// While it exists, no file of this process grows over so many bytes.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : ignored_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, ignored_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  using Handler = void (*)(int);

  const Handler ignored_;
  rlimit before_{};
};

// As on a full disk.
TEST_F(RocksDbStoreTest, ALogThatCannotBeWrittenIsAnErrorAndIsReplaced) {
  std::vector<std::string> kept;
  {
    std::vector<std::string> lines;
    auto store =
        OpenRocksDbStore({.path = dir_.path(), .log = [&lines](LogLevel, const std::string& line) {
                            lines.push_back(line);
                          }});
    ASSERT_THAT(store, IsOk());
    {
      const FileSizeLimit limit(256 << 10);
      Status written;
      for (int i = 0; written.ok() && i < 100; ++i) {
        WriteBatch batch;
        batch.Put(Family::kPayloads, "k" + std::to_string(i), std::string(16 << 10, 'x'));
        written = (*store)->Write(batch, i % 2 == 0);
        if (written.ok()) {
          kept.push_back("k" + std::to_string(i));
        }
      }
      EXPECT_THAT(written, StatusIs(StatusCode::kUnavailable));
      WriteBatch more;  // into another log
      more.Put(Family::kPayloads, "more", "v");
      EXPECT_TRUE(Eventually([&] { return (*store)->Write(more, true).ok(); }));
      kept.emplace_back("more");
    }
    EXPECT_FALSE(lines.empty());
    EXPECT_FALSE(std::filesystem::exists(dir_.path() / "LOG"))
        << "RocksDB ends the process when it cannot write its own log";
    EXPECT_GT(kept.size(), 5U);
  }
  const auto store = Open();
  ASSERT_THAT(store, IsOk());
  std::string value;
  for (const std::string& key : kept) {
    EXPECT_THAT((*store)->Get(Family::kPayloads, key, ReadMode::kBlocking, &value), IsOk()) << key;
  }
  EXPECT_EQ((*store)->lost_sequences(), 0U);
}

TEST_F(RocksDbStoreTest, FilesAreTheOwnersAloneAndAnExistingDirectoryKeepsItsMode) {
  using std::filesystem::perms;
  const auto mode = [](const std::filesystem::path& path) {
    return std::filesystem::status(path).permissions();
  };
  const std::filesystem::path made = dir_.path() / "a" / "b";
  const std::filesystem::path found = dir_.path() / "found";
  const perms shared = perms::owner_all | perms::group_read | perms::group_exec;
  std::filesystem::create_directory(found);
  std::filesystem::permissions(found, shared);
  for (const std::filesystem::path& path : {made, found}) {
    for (int i = 0; i < 2; ++i) {  // the second opening makes tables
      const auto store = OpenRocksDbStore({.path = path});
      ASSERT_THAT(store, IsOk());
      Put(store->get(), "k", std::string(10'000, 'v'), false);
    }
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      EXPECT_EQ(mode(file.path()), perms::owner_read | perms::owner_write) << file.path();
    }
  }
  EXPECT_EQ(mode(made), perms::owner_all);
  EXPECT_EQ(mode(found), shared);
}

TEST_F(RocksDbStoreTest, KeepsWritesAcrossReopening) {
  Put(Open()->get(), "k", "v", false);
  const auto store = Open();
  ASSERT_THAT(store, IsOk());
  std::string value;
  EXPECT_THAT((*store)->Get(Family::kPayloads, "k", ReadMode::kBlocking, &value), IsOk());
  EXPECT_EQ(value, "v");
}

TEST_F(RocksDbStoreTest, ASecondOpenIsRefused) {
  const auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(Open(), StatusIs(StatusCode::kFailedPrecondition,
                               testing::HasSubstr("is in use by another process")));
}

TEST_F(RocksDbStoreTest, AnUnknownFormatIsRefusedByName) {
  {
    const auto store = Open();
    WriteBatch batch;
    batch.Put(Family::kMeta, "format", std::string("\x07\0\0\0", 4));
    ASSERT_THAT((*store)->Write(batch, true), IsOk());
  }
  EXPECT_THAT(Open(), StatusIs(StatusCode::kFailedPrecondition,
                               "database format 7 is not readable by this build (reads 1)"));
}

TEST_F(RocksDbStoreTest, AcknowledgedWritesSurviveAKill) {
  InKilledChild([this] {
    const auto store = Open();
    for (int i = 0; i < 100; ++i) {
      Put(store->get(), std::to_string(i), "v", i % 2 == 0);
    }
  });
  const auto store = Open();
  ASSERT_THAT(store, IsOk());
  std::string value;
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT((*store)->Get(Family::kPayloads, std::to_string(i), ReadMode::kBlocking, &value),
                IsOk())
        << i;
  }
}

TEST_F(RocksDbStoreTest, ADamagedLogIsRefused) {
  InKilledChild([this] {
    const auto store = Open();
    for (int i = 0; i < 100; ++i) {
      Put(store->get(), std::to_string(i), std::string(100, 'v'), true);
    }
  });
  const std::filesystem::path wal = WalPath();
  ASSERT_FALSE(wal.empty());
  std::fstream file(wal, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(wal) / 2));
  file.put('\x7f').put('\x7f').put('\x7f');
  file.close();
  EXPECT_THAT(Open(), StatusIs(StatusCode::kDataLoss));
}

// What the log's own recovery cannot see: its tail is gone.
TEST_F(RocksDbStoreTest, ATruncatedLogIsReported) {
  InKilledChild([this] {
    const auto store = Open();
    for (int i = 0; i < 100; ++i) {
      Put(store->get(), std::to_string(i), std::string(100, 'v'), true);
    }
    ASSERT_THAT((*store)->Flush(), IsOk());
  });
  const std::filesystem::path wal = WalPath();
  ASSERT_FALSE(wal.empty());
  std::filesystem::resize_file(wal, std::filesystem::file_size(wal) / 2);
  const auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_GT((*store)->lost_sequences(), 0U);
}

TEST_F(RocksDbStoreTest, MemoryTierDoesNotReadTheDisk) {
  {
    const auto store = Open();
    Put(store->get(), "k", std::string(100'000, 'v'), false);
  }
  const auto store = Open();
  ASSERT_THAT(store, IsOk());
  std::string value;
  EXPECT_THAT((*store)->Get(Family::kPayloads, "k", ReadMode::kNonBlocking, &value),
              StatusIs(StatusCode::kWouldBlock));
  ASSERT_THAT((*store)->Get(Family::kPayloads, "k", ReadMode::kBlocking, &value), IsOk());
  EXPECT_THAT((*store)->Get(Family::kPayloads, "k", ReadMode::kNonBlocking, &value), IsOk());
}

// A row in no cache of RocksDB, in a file that is open.
class RowsOfAFileTest : public RocksDbStoreTest {
 protected:
  static constexpr int kRows = 100;
  static constexpr std::size_t kShort = 50'000;  // both are in blob files
  static constexpr std::size_t kLong = 200'000;

  void SetUp() override {
    {
      const auto store = Open();
      ASSERT_THAT(store, IsOk());
      WriteBatch batch;
      for (int i = 0; i < kRows; ++i) {
        batch.Put(Family::kVectors, Key(i), std::string(1'000, 'v'));
        batch.Put(Family::kPayloads, Key(i), Noise(i < kRows / 2 ? kShort : kLong));
      }
      ASSERT_THAT((*store)->Write(batch, false), IsOk());
    }
    ASSERT_THAT(Open(), IsOk());  // makes files of the log, and keeps their rows in the block cache
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }

  // What compression cannot make shorter.
  static std::string Noise(std::size_t bytes) {
    std::mt19937 random(1);
    std::string noise(bytes, '\0');
    std::generate(noise.begin(), noise.end(), [&random] { return static_cast<char>(random()); });
    return noise;
  }
  static std::string Key(int i) { return "row " + std::to_string(1'000 + i); }
  Status Read(Family family, int row, ReadMode mode) const {
    std::string value;
    return store_->Get(family, Key(row), mode, &value);
  }
  void DropPageCache() const {
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      const Descriptor fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
      ASSERT_EQ(::fsync(fd.get()), 0);
      ASSERT_EQ(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
    }
  }

  bool PageCacheCanBeAsked() const { return ReadsWithoutWait("CURRENT") || errno != EOPNOTSUPP; }

  // Some file systems keep their pages whatever they are advised.
  bool PageCacheIsGone() const {
    const std::filesystem::directory_iterator files(dir_.path());
    return std::ranges::none_of(files, [this](const auto& entry) {
      return entry.path().extension() == ".sst" && ReadsWithoutWait(entry.path().filename());
    });
  }

 private:
  // Whether a file's first byte is in the page cache; errno says why not.
  bool ReadsWithoutWait(const std::filesystem::path& file) const {
    const Descriptor fd(::open((dir_.path() / file).c_str(), O_RDONLY | O_CLOEXEC));
    char byte = 0;
    iovec part{.iov_base = &byte, .iov_len = 1};
    return ::preadv2(fd.get(), &part, 1, 0, RWF_NOWAIT) >= 0;
  }

  std::unique_ptr<KvStore> store_;
};

TEST_F(RowsOfAFileTest, MemoryTierReadsThePageCache) {
  ASSERT_THAT(Read(Family::kVectors, 0, ReadMode::kBlocking), IsOk());  // the file's index is read
  const Status in_page_cache = Read(Family::kVectors, 50, ReadMode::kNonBlocking);
  if (!PageCacheCanBeAsked()) {
    EXPECT_THAT(in_page_cache, StatusIs(StatusCode::kUnavailable));
    return;
  }
  EXPECT_THAT(in_page_cache, IsOk());
  DropPageCache();
  EXPECT_THAT(Read(Family::kVectors, 50, ReadMode::kNonBlocking), IsOk())
      << "RocksDB has its block";
  // A file that keeps its first page may have lost the one with the row.
  const bool gone = PageCacheIsGone();
  const Status beyond = Read(Family::kVectors, 99, ReadMode::kNonBlocking);
  EXPECT_TRUE(!gone || beyond.code() == StatusCode::kWouldBlock) << beyond.ToString();
  EXPECT_THAT(Read(Family::kVectors, 99, ReadMode::kBlocking), IsOk());
  EXPECT_THAT(Read(Family::kVectors, 99, ReadMode::kNonBlocking), IsOk());
}

TEST_F(RowsOfAFileTest, MemoryTierLeavesLongRowsToThoseWhoMayWait) {
  ASSERT_THAT(Read(Family::kPayloads, 0, ReadMode::kBlocking), IsOk());  // the blob file is open
  EXPECT_EQ(Read(Family::kPayloads, 1, ReadMode::kNonBlocking).ok(), PageCacheCanBeAsked());
  EXPECT_THAT(Read(Family::kPayloads, 99, ReadMode::kNonBlocking),
              StatusIs(StatusCode::kWouldBlock));
  EXPECT_THAT(Read(Family::kPayloads, 99, ReadMode::kBlocking), IsOk());
}

// More files than a start opens.
TEST_F(RocksDbStoreTest, MemoryTierOfManyFilesFindsARowOrSaysThatItNeedsTheDisk) {
  constexpr int kRounds = 3;  // each leaves a file a family at the next opening
  for (int round = 0; round < kRounds; ++round) {
    const auto store = Open();
    ASSERT_THAT(store, IsOk());
    WriteBatch batch;
    for (std::size_t family = 0; family < kFamilyCount; ++family) {
      batch.Put(static_cast<Family>(family), "row " + std::to_string(round), "value");
    }
    ASSERT_THAT((*store)->Write(batch, false), IsOk());
  }
  ASSERT_THAT(Open(), IsOk());
  const auto store = Open();
  ASSERT_THAT(store, IsOk());
  int refused = 0;
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    for (int round = 0; round < kRounds; ++round) {
      const std::string key = "row " + std::to_string(round);
      std::string value;
      if (const Status read = (*store)->Get(family, key, ReadMode::kNonBlocking, &value);
          read.ok()) {
        EXPECT_EQ(value, "value") << "family " << i << ", " << key;
      } else {
        EXPECT_THAT(read, StatusIs(StatusCode::kWouldBlock));
        ++refused;
      }
      ASSERT_THAT((*store)->Get(family, key, ReadMode::kBlocking, &value), IsOk());
      EXPECT_EQ(value, "value");
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace nearhit
