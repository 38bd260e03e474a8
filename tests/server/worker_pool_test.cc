#include "server/worker_pool.h"

#include <atomic>
#include <latch>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

constexpr auto kNever = WorkerPool::TimePoint::max();

// A thread of a pool that does nothing else until Release. Outlives the pool.
class BusyThread {
 public:
  void Occupy(WorkerPool* pool, Lane lane) {
    ASSERT_TRUE(pool->Submit(lane, kNever, [this] {
      started_.count_down();
      go_.wait();
    }));
    started_.wait();
  }
  void Release() { go_.count_down(); }

 private:
  std::latch started_{1};
  std::latch go_{1};
};

TEST(WorkerPool, RunsEverythingBeforeItStops) {
  std::atomic<int> ran{0};
  WorkerPool pool(3, 1000);
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(pool.Submit(Lane::kStorage, kNever, [&ran] { ++ran; }));
  }
  pool.Stop();
  EXPECT_EQ(ran, 500);
  EXPECT_FALSE(pool.Submit(Lane::kStorage, kNever, [] {}));
}

TEST(WorkerPool, RefusesWhenTheQueueIsFull) {
  BusyThread busy;
  WorkerPool pool(1, 2);
  busy.Occupy(&pool, Lane::kStorage);
  EXPECT_TRUE(pool.Submit(Lane::kStorage, kNever, [] {}));
  EXPECT_TRUE(pool.Submit(Lane::kStorage, kNever, [] {}));
  EXPECT_EQ(pool.queued(), 2U);
  EXPECT_FALSE(pool.Submit(Lane::kStorage, kNever, [] {}));
  EXPECT_EQ(pool.refused(), 1U);
  busy.Release();
}

TEST(WorkerPool, FullQueueGivesUpExpiredTasksFirst) {
  BusyThread busy;
  WorkerPool pool(1, 2);
  busy.Occupy(&pool, Lane::kStorage);
  bool late_ran = false;
  EXPECT_TRUE(pool.Submit(Lane::kStorage, kNever, [] {}));
  EXPECT_TRUE(
      pool.Submit(Lane::kStorage, std::chrono::steady_clock::now(), [&] { late_ran = true; }));
  EXPECT_TRUE(pool.Submit(Lane::kStorage, kNever, [] {}));
  EXPECT_TRUE(late_ran);
  EXPECT_FALSE(pool.Submit(Lane::kStorage, kNever, [] {}));
  busy.Release();
}

TEST(WorkerPool, TasksThatEmbedLeaveThreadsToStorage) {
  WorkerPool pool(4, 100);
  std::latch embedding(3);
  std::latch go(1);
  std::atomic<int> begun{0};
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(pool.Submit(Lane::kEmbedding, kNever, [&] {
      if (++begun <= 3) {
        embedding.count_down();
      }
      go.wait();
    }));
  }
  embedding.wait();
  std::latch stored(20);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(pool.Submit(Lane::kStorage, kNever, [&] { stored.count_down(); }));
  }
  stored.wait();
  EXPECT_EQ(begun, 3);
  go.count_down();
  pool.Stop();
  EXPECT_EQ(begun, 8);
}

TEST(WorkerPool, StorageMayTakeEveryThread) {
  WorkerPool pool(3, 100);
  std::latch all(3);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool.Submit(Lane::kStorage, kNever, [&] { all.arrive_and_wait(); }));
  }
  pool.Stop();
}

TEST(WorkerPool, OneThreadRunsBothLanes) {
  std::vector<int> order;
  BusyThread busy;
  WorkerPool pool(1, 100);
  busy.Occupy(&pool, Lane::kStorage);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(pool.Submit(i % 3 == 0 ? Lane::kStorage : Lane::kEmbedding, kNever,
                            [&order, i] { order.push_back(i); }));
  }
  busy.Release();
  pool.Stop();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5})) << "in the order of coming";
}

TEST(WorkerPool, AFullLaneDoesNotFillTheOther) {
  std::latch stored(1);
  BusyThread busy;
  WorkerPool pool(2, 1);
  busy.Occupy(&pool, Lane::kEmbedding);
  EXPECT_TRUE(pool.Submit(Lane::kEmbedding, kNever, [] {}));
  EXPECT_FALSE(pool.Submit(Lane::kEmbedding, kNever, [] {}));
  EXPECT_TRUE(pool.Submit(Lane::kStorage, kNever, [&] { stored.count_down(); }));
  stored.wait();
  busy.Release();
}

}  // namespace
}  // namespace nearhit::server
