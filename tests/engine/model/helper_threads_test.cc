#include "engine/model/helper_threads.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(HelperThreadsTest, TheCallerAloneWithoutHelpers) {
  HelperThreads pool(0);
  const auto caller = std::this_thread::get_id();
  int calls = 0;
  pool.Run(4, [&] {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    ++calls;
  });
  EXPECT_EQ(calls, 1);
}

TEST(HelperThreadsTest, NotMoreHelpersThanAskedFor) {
  HelperThreads pool(3);
  for (std::size_t helpers = 0; helpers <= 5; ++helpers) {
    std::atomic<std::size_t> calls = 0;
    pool.Run(helpers, [&] { ++calls; });
    EXPECT_GE(calls, 1U);
    EXPECT_LE(calls, 1 + std::min<std::size_t>(helpers, 3));
  }
}

TEST(HelperThreadsTest, HelpersWorkBesideTheCaller) {
  HelperThreads pool(2);
  std::atomic<int> here = 0;
  pool.Run(2, [&] {  // returns only when all three are inside
    ++here;
    while (here < 3) {
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(here, 3);
}

TEST(HelperThreadsTest, EveryPieceIsDoneOnceWithManyCallers) {
  HelperThreads pool(2);
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&pool] {
      for (int round = 0; round < 200; ++round) {
        std::atomic<int> next = 0;
        std::atomic<int> done = 0;
        pool.Run(2, [&] {
          while (next++ < 10) {
            ++done;
          }
        });
        ASSERT_EQ(done, 10);
      }
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
}

}  // namespace
}  // namespace nearhit
