#include "base/epoch.h"

#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/eventually.h"
#include "tests/support/repeating_threads.h"
#include "tests/support/signal.h"

namespace nearhit {
namespace {

// A thread that is in a read section until it is told to leave.
class Reading {
 public:
  Reading()
      : thread_([this] {
          const ReadSection section;
          reading_.store(true);
          while (reading_.load()) {
            std::this_thread::yield();
          }
        }) {
    while (!reading_.load()) {
      std::this_thread::yield();
    }
  }
  ~Reading() {
    reading_.store(false);
    thread_.join();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  std::atomic<bool> reading_{false};
  std::thread thread_;
};

TEST(EpochTest, NobodyReads) {
  EXPECT_TRUE(ReadersLeft(NewEpoch()));
}

TEST(EpochTest, AReaderHoldsBackTheEpochsAfterItsBeginning) {
  const Epoch before = NewEpoch();
  std::optional<Reading> first(std::in_place);
  const Epoch between = NewEpoch();
  std::optional<Reading> second(std::in_place);
  const Epoch after = NewEpoch();
  EXPECT_TRUE(ReadersLeft(before));
  EXPECT_FALSE(ReadersLeft(between));
  first.reset();
  EXPECT_TRUE(ReadersLeft(between));
  EXPECT_FALSE(ReadersLeft(after));
  second.reset();
  EXPECT_TRUE(ReadersLeft(after));
}

TEST(EpochTest, AnInnerSectionDoesNotEndTheOuterOne) {
  Epoch epoch = 0;
  {
    const ReadSection outer;
    epoch = NewEpoch();
    { const ReadSection inner; }
    EXPECT_FALSE(ReadersLeft(epoch));
  }
  EXPECT_TRUE(ReadersLeft(epoch));
}

TEST(EpochTest, WaitsForThoseWhoReadAndNotForThoseWhoCome) {
  std::optional<Reading> before(std::in_place);
  Signal begun;
  std::atomic<bool> left{false};
  std::thread waiting([&begun, &left] {
    begun.Say();
    WaitForReaders();
    left.store(true);
  });
  begun.Await();
  YieldOften();
  EXPECT_FALSE(left.load());
  const Reading after;
  before.reset();
  waiting.join();  // for ever, if it waited for `after`
  EXPECT_TRUE(left.load());
}

// Writers hand out boxes and empty them once nobody can hold them any more.
TEST(EpochTest, WhatReadersHoldStaysWhatItWas) {
  struct Box {
    std::size_t content = 1;  // 0: emptied. Not atomic, for TSAN
  };
  constexpr std::size_t kBoxes = 64;
  std::array<Box, kBoxes> boxes{};
  std::atomic<Box*> shown{boxes.data()};
  std::atomic<std::size_t> seen{0};
  std::atomic<std::size_t> empty{0};
  RepeatingThreads readers(3, [&] {
    const ReadSection section;
    const Box* const box = shown.load(std::memory_order_acquire);
    for (int look = 0; look < 20; ++look) {
      empty += static_cast<std::size_t>(box->content == 0);
    }
    ++seen;
  });
  for (std::size_t round = 1; round <= 300 || seen.load() < 1'000; ++round) {
    Box& next = boxes.at(round % kBoxes);
    next.content = round;
    Box* const previous = shown.exchange(&next, std::memory_order_acq_rel);
    WaitForReaders();
    previous->content = 0;
  }
  readers.Stop();
  EXPECT_EQ(empty.load(), 0U);
}

// Threads that end leave no reader behind that is waited for.
TEST(EpochTest, ThreadsComeAndGo) {
  for (int i = 0; i < 50; ++i) {
    { const Reading reading; }
    EXPECT_TRUE(ReadersLeft(NewEpoch()));
  }
}

}  // namespace
}  // namespace nearhit
