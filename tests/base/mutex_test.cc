#include "base/mutex.h"

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/eventually.h"
#include "tests/support/repeating_threads.h"

namespace nearhit {
namespace {

static_assert(sizeof(SharedMutex) == 4);

void Join(std::vector<std::thread>* threads) {
  for (std::thread& thread : *threads) {
    thread.join();
  }
}

TEST(SharedMutexTest, ReadersHoldItTogether) {
  SharedMutex mu;
  std::atomic<int> inside{0};
  std::vector<std::thread> readers;
  readers.reserve(3);
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      const ReaderLock lock(&mu);
      ++inside;
      while (inside.load() < 3) {  // for ever, if one kept another out
        std::this_thread::yield();
      }
    });
  }
  Join(&readers);
  EXPECT_EQ(inside.load(), 3);
}

// As another thread would, which the analysis does not know.
void LockSharedElsewhere(SharedMutex* mu) NEARHIT_NO_THREAD_SAFETY_ANALYSIS {
  mu->LockShared();
}
void UnlockSharedElsewhere(SharedMutex* mu) NEARHIT_NO_THREAD_SAFETY_ANALYSIS {
  mu->UnlockShared();
}

TEST(SharedMutexTest, AWriterWaitsForAllReaders) {
  SharedMutex mu;
  std::atomic<bool> written{false};
  mu.LockShared();
  LockSharedElsewhere(&mu);
  std::thread writer([&] {
    const WriterLock lock(&mu);
    written.store(true);
  });
  EXPECT_TRUE(Eventually([&mu] { return mu.KeepsReadersOut(); }));  // the writer waits
  mu.UnlockShared();
  YieldOften();
  EXPECT_FALSE(written.load());
  UnlockSharedElsewhere(&mu);
  writer.join();
  EXPECT_TRUE(written.load());
}

TEST(SharedMutexTest, AWaitingWriterGoesBeforeReadersThatComeAfterIt) {
  for (int round = 0; round < 50; ++round) {
    SharedMutex mu;
    bool written = false;  // guarded by mu
    bool read_after = false;
    std::atomic<bool> reading{false};
    mu.LockShared();
    std::thread writer([&] {
      const WriterLock lock(&mu);
      written = true;
    });
    while (!mu.KeepsReadersOut()) {
      std::this_thread::yield();
    }
    std::thread reader([&] {
      reading.store(true);
      const ReaderLock lock(&mu);
      read_after = written;
    });
    while (!reading.load()) {
      std::this_thread::yield();
    }
    YieldOften();
    mu.UnlockShared();
    writer.join();
    reader.join();
    EXPECT_TRUE(read_after);
  }
}

// Readers that overlap, so that the lock is never free of them unless it keeps them out.
TEST(SharedMutexTest, OverlappingReadersDoNotStarveAWriter) {
  SharedMutex mu;
  std::atomic<int> inside{0};
  RepeatingThreads readers(3, [&] {
    const ReaderLock lock(&mu);
    const int others = inside.fetch_add(1);
    // Stays until another one is in as well, or for a while.
    for (int spin = 0; spin < 200 && others == 0 && inside.load() == 1; ++spin) {
      std::this_thread::yield();
    }
    --inside;
  });
  for (int i = 0; i < 200; ++i) {
    const WriterLock lock(&mu);
    EXPECT_EQ(inside.load(), 0);
  }
  readers.Stop();
}

// Threads that come and go at random: whoever holds the lock sees no writer beside it, writers see
// every earlier write, and nobody is left asleep.
TEST(SharedMutexTest, ExcludesAndWakesUnderContention) {
  constexpr int kThreads = 6;
  constexpr int kRounds = 20'000;
  SharedMutex mu;
  std::uint64_t first = 0;  // these two are equal whenever nobody writes
  std::uint64_t second = 0;
  std::atomic<std::uint64_t> writes{0};
  std::atomic<int> torn{0};
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < kThreads; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int round = 0; round < kRounds; ++round) {
        if (random() % 3 == 0) {
          const WriterLock lock(&mu);
          ++first;
          if (random() % 16 == 0) {
            std::this_thread::yield();
          }
          ++second;
          ++writes;
        } else {
          const ReaderLock lock(&mu);
          torn += first == second ? 0 : 1;
          if (random() % 16 == 0) {
            std::this_thread::yield();
          }
          torn += first == second ? 0 : 1;
        }
      }
    });
  }
  Join(&threads);
  EXPECT_EQ(torn.load(), 0);
  EXPECT_EQ(first, writes.load());
  EXPECT_EQ(second, writes.load());
}

// Writers only, which wake each other in a chain: a wake-up that is lost ends the test in a hang.
TEST(SharedMutexTest, ManyWritersAllGetTheirTurn) {
  SharedMutex mu;
  int turns = 0;
  std::vector<std::thread> writers;
  writers.reserve(8);
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([&] {
      for (int round = 0; round < 2'000; ++round) {
        const WriterLock lock(&mu);
        ++turns;
        if (round % 8 == 0) {
          std::this_thread::yield();
        }
      }
    });
  }
  Join(&writers);
  EXPECT_EQ(turns, 16'000);
}

}  // namespace
}  // namespace nearhit
