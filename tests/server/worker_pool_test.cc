#include "server/worker_pool.h"

#include <atomic>
#include <latch>

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

TEST(WorkerPool, RunsEverythingBeforeItStops) {
  std::atomic<int> ran{0};
  WorkerPool pool(3, 1000);
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(pool.Submit([&ran] { ++ran; }));
  }
  pool.Stop();
  EXPECT_EQ(ran, 500);
  EXPECT_FALSE(pool.Submit([] {}));
}

TEST(WorkerPool, RefusesWhenTheQueueIsFull) {
  WorkerPool pool(1, 2);
  std::latch started(1);
  std::latch go(1);
  ASSERT_TRUE(pool.Submit([&] {
    started.count_down();
    go.wait();
  }));
  started.wait();
  EXPECT_TRUE(pool.Submit([] {}));
  EXPECT_TRUE(pool.Submit([] {}));
  EXPECT_EQ(pool.queued(), 2U);
  EXPECT_FALSE(pool.Submit([] {}));
  EXPECT_EQ(pool.refused(), 1U);
  go.count_down();
}

}  // namespace
}  // namespace nearhit::server
