// With an encoder that a test holds up, so that what runs and what waits is known, not timed.
#include "engine/model/batcher.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/no_deadline.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using TimePoint = Batcher::TimePoint;

// The row of a text is {its first token, its length}. While held, passes do not return, but for the
// first ones that were released.
class BatcherTest : public testing::Test {
 protected:
  struct PassSeen {
    std::vector<std::int32_t> ids;
    std::vector<std::uint32_t> lengths;
    TimePoint deadline;
    std::thread::id thread;
  };

  Batcher Make(std::size_t slots, std::size_t group_tokens) {
    return Batcher([this](auto ids, auto lengths, auto deadline,
                          auto out) { return Encode(ids, lengths, deadline, out); },
                   {.dimension = 2, .slots = slots, .group_tokens = group_tokens});
  }
  Status Encode(std::span<const std::int32_t> ids, std::span<const std::uint32_t> lengths,
                TimePoint deadline, std::span<float> out) {
    const MutexLock lock(&mu_);
    const std::size_t index = passes_.size();
    passes_.push_back({{ids.begin(), ids.end()},
                       {lengths.begin(), lengths.end()},
                       deadline,
                       std::this_thread::get_id()});
    changed_.NotifyAll();
    while (held_ && index >= released_) {
      changed_.Wait(&mu_);
    }
    if (fails_) {
      return Internal("the encoder fails");
    }
    std::size_t token = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      out[2 * i] = static_cast<float>(ids[token]);
      out[2 * i + 1] = static_cast<float>(lengths[i]);
      token += lengths[i];
    }
    return Status();
  }

  void Hold() {
    const MutexLock lock(&mu_);
    held_ = true;
  }
  void Release() {
    const MutexLock lock(&mu_);
    held_ = false;
    changed_.NotifyAll();
  }
  void AwaitPasses(std::size_t count) {
    const MutexLock lock(&mu_);
    while (passes_.size() < count) {
      changed_.Wait(&mu_);
    }
  }
  std::vector<PassSeen> passes() {
    const MutexLock lock(&mu_);
    return passes_;
  }
  void FailFromNowOn() {
    const MutexLock lock(&mu_);
    fails_ = true;
  }

  // A call with one text of `length` tokens on a thread of its own.
  struct Call {
    Status status;
    std::vector<float> row = std::vector<float>(2, -1);
    std::atomic<bool> returned = false;
    std::thread thread;
  };
  std::unique_ptr<Call> Start(Batcher* batcher, std::int32_t token, std::size_t length,
                              TimePoint deadline = kNoDeadline) {
    auto call = std::make_unique<Call>();
    call->thread = std::thread([=, call = call.get()] {
      const std::vector<std::int32_t> ids(length, token);
      const std::uint32_t lengths[] = {static_cast<std::uint32_t>(length)};
      call->status = batcher->Encode(ids, lengths, deadline, call->row);
      call->returned = true;
    });
    return call;
  }
  static void AwaitWaiting(const Batcher& batcher, std::size_t count) {
    while (batcher.waiting() != count) {
      std::this_thread::yield();
    }
  }
  // One call in the encoder, which does not return before Release.
  std::unique_ptr<Call> Occupy(Batcher* batcher) {
    Hold();
    const std::size_t before = passes().size();
    auto call = Start(batcher, 1, 1);
    AwaitPasses(before + 1);
    return call;
  }
  void ExpectRow(Call* call, float token, float length) {
    call->thread.join();
    EXPECT_THAT(call->status, IsOk());
    EXPECT_THAT(call->row, ElementsAre(token, length));
  }

  Mutex mu_;
  CondVar changed_;
  std::vector<PassSeen> passes_;
  std::size_t released_ = 0;
  bool held_ = false;
  bool fails_ = false;
};

TEST_F(BatcherTest, AnIdleModelRunsACallAtOnceOnItsThread) {
  Batcher batcher = Make(1, 100);
  const std::int32_t ids[] = {7, 8};
  const std::uint32_t lengths[] = {2};
  std::vector<float> row(2);
  ASSERT_THAT(batcher.Encode(ids, lengths, kNoDeadline, row), IsOk());
  EXPECT_THAT(row, ElementsAre(7, 2));
  ASSERT_THAT(passes(), SizeIs(1));
  EXPECT_EQ(passes()[0].thread, std::this_thread::get_id());
  EXPECT_EQ(passes()[0].deadline, kNoDeadline);
}

TEST_F(BatcherTest, WhatWaitsGoesTogether) {
  Batcher batcher = Make(1, 100);
  const auto busy = Occupy(&batcher);
  std::vector<std::unique_ptr<Call>> calls;
  for (std::int32_t i = 0; i < 3; ++i) {
    calls.push_back(Start(&batcher, 10 + i, 2 + static_cast<std::size_t>(i)));
    AwaitWaiting(batcher, calls.size());
  }
  Release();
  ExpectRow(busy.get(), 1, 1);
  for (int i = 0; i < 3; ++i) {
    ExpectRow(calls[static_cast<std::size_t>(i)].get(), static_cast<float>(10 + i),
              static_cast<float>(2 + i));
  }
  ASSERT_THAT(passes(), SizeIs(2));
  EXPECT_THAT(passes()[1].lengths, ElementsAre(2, 3, 4));
  EXPECT_THAT(passes()[1].ids, ElementsAre(10, 10, 11, 11, 11, 12, 12, 12, 12));
}

TEST_F(BatcherTest, AGroupHasNoMoreTokensThanItsLimit) {
  Batcher batcher = Make(1, 10);
  const auto busy = Occupy(&batcher);
  std::vector<std::unique_ptr<Call>> calls;
  for (const std::size_t length : {5U, 5U, 1U, 40U}) {
    calls.push_back(Start(&batcher, 9, length));
    AwaitWaiting(batcher, calls.size());
  }
  Release();
  busy->thread.join();
  for (const auto& call : calls) {
    call->thread.join();
    EXPECT_THAT(call->status, IsOk());
  }
  ASSERT_THAT(passes(), SizeIs(4));
  EXPECT_THAT(passes()[1].lengths, ElementsAre(5, 5));
  EXPECT_THAT(passes()[2].lengths, ElementsAre(1));
  EXPECT_THAT(passes()[3].lengths, ElementsAre(40));  // alone, over the limit as it is
}

TEST_F(BatcherTest, AsManyPassesAsSlots) {
  Batcher batcher = Make(2, 100);
  const auto first = Occupy(&batcher);
  const auto second = Occupy(&batcher);
  const auto third = Start(&batcher, 3, 1);
  AwaitWaiting(batcher, 1);
  EXPECT_THAT(passes(), SizeIs(2));
  Release();
  ExpectRow(first.get(), 1, 1);
  ExpectRow(second.get(), 1, 1);
  ExpectRow(third.get(), 3, 1);
  // The slots are free again.
  const auto fourth = Occupy(&batcher);
  const auto fifth = Occupy(&batcher);
  EXPECT_EQ(batcher.waiting(), 0U);
  Release();
  fourth->thread.join();
  fifth->thread.join();
}

// The encoder is held until the call has left.
TEST_F(BatcherTest, AWaitingCallLeavesAtItsDeadline) {
  Batcher batcher = Make(1, 100);
  const auto busy = Occupy(&batcher);
  const auto late = Start(&batcher, 2, 1, std::chrono::steady_clock::now());
  late->thread.join();
  EXPECT_THAT(late->status, StatusIs(StatusCode::kDeadlineExceeded, HasSubstr("waiting")));
  EXPECT_EQ(batcher.waiting(), 0U);
  Release();
  ExpectRow(busy.get(), 1, 1);
  EXPECT_THAT(passes(), SizeIs(1));
}

// Of two calls in one pass the one with the earlier deadline leaves, and the pass goes on.
TEST_F(BatcherTest, AGroupRunsToTheLatestOfItsDeadlines) {
  Batcher batcher = Make(1, 100);
  const auto busy = Occupy(&batcher);
  const TimePoint later = std::chrono::steady_clock::now() + std::chrono::hours(1);
  const auto leader = Start(&batcher, 2, 1, later - std::chrono::minutes(1));
  AwaitWaiting(batcher, 1);
  const auto follower = Start(&batcher, 3, 1, later);
  AwaitWaiting(batcher, 2);
  Release();
  ExpectRow(busy.get(), 1, 1);
  ExpectRow(leader.get(), 2, 1);
  ExpectRow(follower.get(), 3, 1);
  ASSERT_THAT(passes(), SizeIs(2));
  EXPECT_EQ(passes()[1].deadline, later);
}

TEST_F(BatcherTest, AFollowerLeavesARunningGroupAtItsDeadline) {
  Batcher batcher = Make(1, 100);
  const auto busy = Occupy(&batcher);
  const auto leader = Start(&batcher, 2, 1);
  AwaitWaiting(batcher, 1);
  const TimePoint soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  const auto follower = Start(&batcher, 3, 1, soon);
  while (batcher.waiting() != 2 && !follower->returned) {  // on a slow machine it has left
    std::this_thread::yield();
  }
  {
    const MutexLock lock(&mu_);
    released_ = 1;  // the first pass goes through, the group stays
    changed_.NotifyAll();
  }
  follower->thread.join();  // while the encoder is held
  EXPECT_THAT(follower->status, StatusIs(StatusCode::kDeadlineExceeded));
  EXPECT_THAT(follower->row, Each(-1));
  FailFromNowOn();  // a failure given to who has left would never be read, which aborts
  Release();
  busy->thread.join();
  busy->status.IgnoreError();  // it may have ended before
  leader->thread.join();
  EXPECT_THAT(leader->status, StatusIs(StatusCode::kInternal));
}

TEST_F(BatcherTest, AFailureIsThatOfEveryCallInThePass) {
  Batcher batcher = Make(1, 100);
  const auto busy = Occupy(&batcher);
  const auto leader = Start(&batcher, 2, 1);
  AwaitWaiting(batcher, 1);
  const auto follower = Start(&batcher, 3, 1);
  AwaitWaiting(batcher, 2);
  FailFromNowOn();
  Release();
  for (Call* call : {busy.get(), leader.get(), follower.get()}) {
    call->thread.join();
    EXPECT_THAT(call->status, StatusIs(StatusCode::kInternal));
  }
  EXPECT_THAT(passes(), SizeIs(2));
}

TEST_F(BatcherTest, ManyCallsGetTheirOwnRows) {
  Batcher batcher = Make(2, 12);
  std::vector<std::thread> threads;
  threads.reserve(6);
  std::atomic<int> late = 0;
  for (std::int32_t thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 500; ++i) {
        const std::vector<std::int32_t> ids(static_cast<std::size_t>(1 + i % 5), thread);
        const std::uint32_t lengths[] = {static_cast<std::uint32_t>(ids.size())};
        std::vector<float> row(2);
        const bool may_be_late = i % 7 == 0;
        const Status status = batcher.Encode(
            ids, lengths,
            may_be_late ? std::chrono::steady_clock::now() + std::chrono::microseconds(20)
                        : kNoDeadline,
            row);
        if (status.ok()) {
          EXPECT_THAT(row, ElementsAre(static_cast<float>(thread), static_cast<float>(ids.size())));
        } else {
          EXPECT_TRUE(may_be_late) << status.ToString();
          ++late;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(batcher.waiting(), 0U);
}

}  // namespace
}  // namespace nearhit
