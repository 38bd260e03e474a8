#include "engine/model/single_flight.h"

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/no_deadline.h"

namespace nearhit {
namespace {

using testing::Each;
using Outcome = SingleFlight::Follow::Outcome;
using Row = std::array<float, 2>;

TEST(SingleFlightTest, OneLeadsAndTheOthersGetItsRow) {
  SingleFlight flights;
  SingleFlight::Ticket first = flights.Join("a");
  SingleFlight::Ticket second = flights.Join("a");
  ASSERT_TRUE(first.lead);
  EXPECT_FALSE(first.follow);
  ASSERT_TRUE(second.follow);
  EXPECT_FALSE(second.lead);
  EXPECT_TRUE(flights.Join("b").lead);
  Row row{};
  std::thread follower([&] { EXPECT_EQ(second.follow->Wait(kNoDeadline, row), Outcome::kDone); });
  first.lead->Finish(Row{1, 1});
  follower.join();
  EXPECT_THAT(row, Each(1));
}

TEST(SingleFlightTest, ATextThatEndedIsLedAgain) {
  SingleFlight flights;
  flights.Join("a").lead->Finish(Row{1, 1});
  EXPECT_TRUE(flights.Join("a").lead);
}

TEST(SingleFlightTest, NoVectorIsZeros) {
  SingleFlight flights;
  SingleFlight::Ticket first = flights.Join("a");
  SingleFlight::Ticket second = flights.Join("a");
  first.lead->Finish({});
  Row row = {5, 5};
  EXPECT_EQ(second.follow->Wait(kNoDeadline, row), Outcome::kDone);
  EXPECT_THAT(row, Each(0));
}

TEST(SingleFlightTest, ALeaderThatGoesLeavesTheText) {
  SingleFlight flights;
  std::optional<SingleFlight::Follow> follow;
  {
    const SingleFlight::Ticket first = flights.Join("a");
    follow = std::move(flights.Join("a").follow);
  }
  Row row{};
  EXPECT_EQ(follow->Wait(kNoDeadline, row), Outcome::kLeft);
  EXPECT_TRUE(flights.Join("a").lead);
}

// The leader does not end before the follower has left.
TEST(SingleFlightTest, WaitsNoLongerThanItsOwnDeadline) {
  SingleFlight flights;
  SingleFlight::Ticket first = flights.Join("a");
  SingleFlight::Ticket second = flights.Join("a");
  Row row{};
  EXPECT_EQ(second.follow->Wait(std::chrono::steady_clock::now(), row), Outcome::kDeadline);
  EXPECT_EQ(
      second.follow->Wait(std::chrono::steady_clock::now() + std::chrono::milliseconds(1), row),
      Outcome::kDeadline);
  first.lead->Finish(Row{1, 1});
}

TEST(SingleFlightTest, OneLeaderAtATimeWithManyThreads) {
  SingleFlight flights;
  std::atomic<int> leading = 0;
  std::atomic<int> left = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        Row row{};
        SingleFlight::Ticket ticket = flights.Join("a");
        if (ticket.lead) {
          EXPECT_EQ(++leading, 1);
          std::this_thread::yield();
          --leading;
          if (i % 10 != 0) {
            ticket.lead->Finish(Row{1, 1});
          }
        } else if (ticket.follow->Wait(kNoDeadline, row) == Outcome::kDone) {
          EXPECT_THAT(row, Each(1));
        } else {
          ++left;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace nearhit
