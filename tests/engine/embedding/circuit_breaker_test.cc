#include "engine/embedding/circuit_breaker.h"

#include <algorithm>
#include <array>
#include <optional>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Call = CircuitBreaker::Call;
using Duration = CircuitBreaker::Duration;
using Outcome = CircuitBreaker::Outcome;

constexpr Duration kPatience = seconds(5);
constexpr Duration kHurry = CircuitBreaker::kLeastPatience - milliseconds(1);

class CircuitBreakerTest : public testing::Test {
 protected:
  std::optional<Call> Admit(Duration patience = kPatience) {
    const bool refused = breaker_.Refuses(now_, patience);
    std::optional<Call> call = breaker_.Admit(now_, patience);
    EXPECT_EQ(refused, !call.has_value());
    return call;
  }
  // Whether a call went out, which then ended so.
  bool Make(Outcome outcome, Duration patience = kPatience) {
    std::optional<Call> call = Admit(patience);
    if (call) {
      call->Report(outcome, now_);
    }
    return call.has_value();
  }
  void Open(Duration patience = kPatience) {
    for (int i = 0; i < CircuitBreaker::kFailuresToOpen; ++i) {
      ASSERT_TRUE(Make(Outcome::kFailure, patience)) << i;
    }
    ASSERT_FALSE(Admit(patience));
  }

  CircuitBreaker breaker_;
  CircuitBreaker::TimePoint now_{seconds(1'000)};
};

TEST_F(CircuitBreakerTest, FailuresInARowOpenIt) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 1; i < CircuitBreaker::kFailuresToOpen; ++i) {
      EXPECT_TRUE(Make(Outcome::kFailure));
    }
    EXPECT_TRUE(Make(Outcome::kSuccess));
  }
  Open();
}

TEST_F(CircuitBreakerTest, WhatSaysNothingDoesNotCount) {
  for (int i = 0; i < 4 * CircuitBreaker::kFailuresToOpen; ++i) {
    EXPECT_TRUE(Make(Outcome::kUnknown));
    EXPECT_TRUE(Make(Outcome::kFailure, kHurry));
    EXPECT_TRUE(Admit()) << "one that is never reported";
  }
  Open();
}

TEST_F(CircuitBreakerTest, OneProbeGoesOutAfterAPauseThatDoubles) {
  Open();
  Duration pause = CircuitBreaker::kFirstPause;
  for (int i = 0; i < 10; ++i) {
    now_ += pause - milliseconds(1);
    EXPECT_FALSE(Admit());
    now_ += milliseconds(1);
    std::optional<Call> call = Admit();
    ASSERT_TRUE(call);
    EXPECT_FALSE(Admit()) << "one is on its way";
    call->Report(Outcome::kFailure, now_);
    pause = std::min(2 * pause, CircuitBreaker::kLongestPause);
  }
  EXPECT_EQ(pause, CircuitBreaker::kLongestPause);
}

TEST_F(CircuitBreakerTest, ASuccessClosesItAndForgets) {
  Open();
  now_ += CircuitBreaker::kFirstPause;
  EXPECT_TRUE(Make(Outcome::kFailure));
  now_ += 2 * CircuitBreaker::kFirstPause;
  EXPECT_TRUE(Make(Outcome::kSuccess));
  Open();
  now_ += CircuitBreaker::kFirstPause;
  EXPECT_TRUE(Admit());
}

TEST_F(CircuitBreakerTest, AProbeOfUnknownOutcomeLeavesItToTheNext) {
  Open();
  now_ += CircuitBreaker::kFirstPause;
  EXPECT_TRUE(Make(Outcome::kUnknown));
  EXPECT_TRUE(Admit()) << "and is dropped, as by an exception";
  EXPECT_TRUE(Make(Outcome::kFailure));
  EXPECT_FALSE(Admit());
}

TEST_F(CircuitBreakerTest, CallsThatGoOutInAnyCaseCount) {
  for (int i = 0; i < CircuitBreaker::kFailuresToOpen; ++i) {
    breaker_.Enter(kPatience).Report(Outcome::kFailure, now_);
  }
  EXPECT_FALSE(Admit());
  breaker_.Enter(kPatience).Report(Outcome::kSuccess, now_);
  EXPECT_TRUE(Admit());
}

TEST_F(CircuitBreakerTest, ACallInAHurryIsNoProbe) {
  Open();
  now_ += CircuitBreaker::kFirstPause;
  EXPECT_FALSE(Admit(kHurry));
  EXPECT_TRUE(Admit());
}

TEST_F(CircuitBreakerTest, AProbeThatFailsOnceItIsClosedIsAFailureLikeOthers) {
  Open();
  now_ += CircuitBreaker::kFirstPause;
  std::optional<Call> probe = Admit();
  ASSERT_TRUE(probe);
  breaker_.Enter(kPatience).Report(Outcome::kSuccess, now_);
  probe->Report(Outcome::kFailure, now_);
  for (int i = 1; i < CircuitBreaker::kFailuresToOpen; ++i) {
    EXPECT_TRUE(Make(Outcome::kFailure));
  }
  now_ += CircuitBreaker::kFirstPause - milliseconds(1);
  EXPECT_FALSE(Admit());
  now_ += milliseconds(1);
  EXPECT_TRUE(Admit());
}

TEST_F(CircuitBreakerTest, CallsOnTheirWayWhenItOpensDoNotPutTheProbeOff) {
  std::array<std::optional<Call>, 3> late = {Admit(), Admit(), Admit()};
  Open();
  now_ += CircuitBreaker::kFirstPause;
  for (std::optional<Call>& call : late) {
    call->Report(Outcome::kFailure, now_);
  }
  EXPECT_TRUE(Admit());
}

}  // namespace
}  // namespace nearhit
