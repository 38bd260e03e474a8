#include "server/worker_pool.h"

#include <atomic>
#include <latch>

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

constexpr auto kNever = WorkerPool::TimePoint::max();

TEST(WorkerPool, RunsEverythingBeforeItStops) {
  std::atomic<int> ran{0};
  WorkerPool pool(3, 1000);
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(pool.Submit(kNever, [&ran] { ++ran; }));
  }
  pool.Stop();
  EXPECT_EQ(ran, 500);
  EXPECT_FALSE(pool.Submit(kNever, [] {}));
}

TEST(WorkerPool, RefusesWhenTheQueueIsFull) {
  WorkerPool pool(1, 2);
  std::latch started(1);
  std::latch go(1);
  ASSERT_TRUE(pool.Submit(kNever, [&] {
    started.count_down();
    go.wait();
  }));
  started.wait();
  EXPECT_TRUE(pool.Submit(kNever, [] {}));
  EXPECT_TRUE(pool.Submit(kNever, [] {}));
  EXPECT_EQ(pool.queued(), 2U);
  EXPECT_FALSE(pool.Submit(kNever, [] {}));
  EXPECT_EQ(pool.refused(), 1U);
  go.count_down();
}

TEST(WorkerPool, FullQueueGivesUpExpiredTasksFirst) {
  WorkerPool pool(1, 2);
  std::latch started(1);
  std::latch go(1);
  ASSERT_TRUE(pool.Submit(kNever, [&] {
    started.count_down();
    go.wait();
  }));
  started.wait();
  bool late_ran = false;
  EXPECT_TRUE(pool.Submit(kNever, [] {}));
  EXPECT_TRUE(pool.Submit(std::chrono::steady_clock::now(), [&] { late_ran = true; }));
  EXPECT_TRUE(pool.Submit(kNever, [] {}));
  EXPECT_TRUE(late_ran);
  EXPECT_FALSE(pool.Submit(kNever, [] {}));
  go.count_down();
}

}  // namespace
}  // namespace nearhit::server
