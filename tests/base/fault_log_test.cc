#include "base/fault_log.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nearhit {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class FaultLogTest : public testing::Test {
 protected:
  void Fail(seconds at, const std::string& reason = "full") {
    log_.Note(Unavailable(reason), FaultLog::TimePoint(at));
  }
  void Succeed(seconds at) { log_.Note(Status(), FaultLog::TimePoint(at)); }
  std::vector<std::string> Lines() { return std::exchange(lines_, {}); }

  std::vector<std::string> lines_;
  FaultLog log_{"the disk", [this](LogLevel level, const std::string& line) {
                  lines_.push_back((level == LogLevel::kInfo ? "info " : "warning ") + line);
                }};
};

TEST_F(FaultLogTest, TellsTheBeginningWhyAndTheEnd) {
  Succeed(seconds(1));
  EXPECT_THAT(Lines(), IsEmpty());
  for (int i = 10; i < 30; ++i) {
    Fail(seconds(i));
  }
  EXPECT_THAT(Lines(), ElementsAre("warning the disk fails: UNAVAILABLE: full"));
  Succeed(seconds(30));
  Succeed(seconds(31));
  EXPECT_THAT(Lines(), ElementsAre("info the disk works again, after 20 failures in 20 s"));
}

TEST_F(FaultLogTest, WhatFailsOnAndOffHasTwoLinesAMinute) {
  for (int i = 0; i < 60; ++i) {
    Fail(seconds(i));
    Succeed(seconds(i));
  }
  EXPECT_EQ(Lines().size(), 2U);
  Fail(seconds(60));
  EXPECT_THAT(Lines(), ElementsAre("warning the disk fails: UNAVAILABLE: full"));
  Succeed(seconds(61));
  Fail(seconds(62));
  EXPECT_EQ(Lines().size(), 1U);
  Fail(seconds(121));
  EXPECT_THAT(Lines(), ElementsAre("warning the disk fails: UNAVAILABLE: full"))
      << "a fault that lasts is told of once it may be";
}

TEST_F(FaultLogTest, RemindsEveryTenMinutesAndOfAnotherReasonSooner) {
  for (int i = 0; i < 1'200; ++i) {
    Fail(seconds(i));
  }
  EXPECT_THAT(
      Lines(),
      ElementsAre("warning the disk fails: UNAVAILABLE: full",
                  "warning the disk still fails, 601 failures in 600 s: UNAVAILABLE: full"));
  Fail(seconds(1'200), "broken");
  EXPECT_THAT(
      Lines(),
      ElementsAre("warning the disk still fails, 1201 failures in 1200 s: UNAVAILABLE: broken"));
}

}  // namespace
}  // namespace nearhit
