#include "server/core/lane_pool.h"

#include <atomic>
#include <latch>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

// A thread of a pool that does nothing else until Release. Outlives the pool.
class BusyThread {
 public:
  void Occupy(LanePool* pool, Lane lane) {
    ASSERT_TRUE(pool->Submit(lane, {.run = [this] {
                               started_.count_down();
                               go_.wait();
                             }}));
    started_.wait();
  }
  void Release() { go_.count_down(); }

 private:
  std::latch started_{1};
  std::latch go_{1};
};

TEST(LanePool, RunsEverythingBeforeItStops) {
  std::atomic<int> ran{0};
  LanePool pool(3, 1000);
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(pool.Submit(Lane::kStorage, {.run = [&ran] { ++ran; }}));
  }
  pool.Stop();
  EXPECT_EQ(ran, 500);
  EXPECT_FALSE(pool.Submit(Lane::kStorage, {.run = [] {}}));
}

TEST(LanePool, RefusesWhenTheQueueIsFull) {
  BusyThread busy;
  LanePool pool(1, 2);
  busy.Occupy(&pool, Lane::kStorage);
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [] {}}));
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [] {}}));
  EXPECT_EQ(pool.queued(), 2U);
  EXPECT_FALSE(pool.Submit(Lane::kStorage, {.run = [] {}}));
  EXPECT_EQ(pool.refused(), 1U);
  busy.Release();
}

TEST(LanePool, FullQueueGivesUpExpiredTasksFirst) {
  BusyThread busy;
  LanePool pool(1, 2);
  busy.Occupy(&pool, Lane::kStorage);
  bool late_ran = false;
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [] {}}));
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [&] { late_ran = true; },
                                           .deadline = std::chrono::steady_clock::now()}));
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [] {}}));
  EXPECT_TRUE(late_ran);
  EXPECT_FALSE(pool.Submit(Lane::kStorage, {.run = [] {}}));
  busy.Release();
}

TEST(LanePool, JobsThatWaitHaveNoMoreBytesThanTheyMay) {
  BusyThread busy;
  LanePool pool(1, 100, /*max_bytes=*/1'000);
  busy.Occupy(&pool, Lane::kStorage);
  bool gone_ran = false;
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [] {}, .bytes = 600}));
  EXPECT_FALSE(pool.Submit(Lane::kEmbedding, {.run = [] {}, .bytes = 401}));
  EXPECT_TRUE(pool.Submit(
      Lane::kEmbedding,
      {.run = [&] { gone_ran = true; }, .bytes = 400, .cancelled = [] { return true; }}));
  EXPECT_EQ(pool.queued_bytes(), 1'000U);
  EXPECT_FALSE(gone_ran);
  EXPECT_TRUE(pool.Submit(Lane::kEmbedding, {.run = [] {}, .bytes = 100}));
  EXPECT_TRUE(gone_ran) << "it makes room";
  EXPECT_EQ(pool.queued_bytes(), 700U);
  busy.Release();
}

TEST(LanePool, OneJobOverAllBytesWaitsAlone) {
  BusyThread busy;
  LanePool pool(1, 100, /*max_bytes=*/10);
  busy.Occupy(&pool, Lane::kStorage);
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [] {}, .bytes = 11}));
  EXPECT_FALSE(pool.Submit(Lane::kStorage, {.run = [] {}, .bytes = 1}));
  busy.Release();
}

TEST(LanePool, JobsThatNobodyWantsLeaveWithoutAFullQueue) {
  std::vector<int> ran;
  BusyThread busy;
  LanePool pool(1, 100);
  busy.Occupy(&pool, Lane::kStorage);
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [&] { ran.push_back(0); }}));
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [&] { ran.push_back(1); },
                                           .deadline = std::chrono::steady_clock::now()}));
  EXPECT_TRUE(pool.Submit(Lane::kEmbedding,
                          {.run = [&] { ran.push_back(2); }, .cancelled = [] { return true; }}));
  pool.DropUnwanted();
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
  EXPECT_EQ(pool.queued(), 1U);
  busy.Release();
}

TEST(LanePool, TasksThatEmbedLeaveThreadsToStorage) {
  LanePool pool(4, 100);
  std::latch embedding(3);
  std::latch go(1);
  std::atomic<int> begun{0};
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(pool.Submit(Lane::kEmbedding, {.run = [&] {
                              if (++begun <= 3) {
                                embedding.count_down();
                              }
                              go.wait();
                            }}));
  }
  embedding.wait();
  std::latch stored(20);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(pool.Submit(Lane::kStorage, {.run = [&] { stored.count_down(); }}));
  }
  stored.wait();
  EXPECT_EQ(begun, 3);
  go.count_down();
  pool.Stop();
  EXPECT_EQ(begun, 8);
}

TEST(LanePool, StorageMayTakeEveryThread) {
  LanePool pool(3, 100);
  std::latch all(3);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool.Submit(Lane::kStorage, {.run = [&] { all.arrive_and_wait(); }}));
  }
  pool.Stop();
}

TEST(LanePool, OneThreadRunsBothLanes) {
  std::vector<int> order;
  BusyThread busy;
  LanePool pool(1, 100);
  busy.Occupy(&pool, Lane::kStorage);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(pool.Submit(i % 3 == 0 ? Lane::kStorage : Lane::kEmbedding,
                            {.run = [&order, i] { order.push_back(i); }}));
  }
  busy.Release();
  pool.Stop();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5})) << "in the order of coming";
}

TEST(LanePool, AFullLaneDoesNotFillTheOther) {
  std::latch stored(1);
  BusyThread busy;
  LanePool pool(2, 1);
  busy.Occupy(&pool, Lane::kEmbedding);
  EXPECT_TRUE(pool.Submit(Lane::kEmbedding, {.run = [] {}}));
  EXPECT_FALSE(pool.Submit(Lane::kEmbedding, {.run = [] {}}));
  EXPECT_TRUE(pool.Submit(Lane::kStorage, {.run = [&] { stored.count_down(); }}));
  stored.wait();
  busy.Release();
}

}  // namespace
}  // namespace nearhit::server
