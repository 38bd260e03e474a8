#include "engine/embedding/circuit_breaker.h"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = CircuitBreaker::Outcome;
using Ticket = CircuitBreaker::Ticket;

constexpr CircuitBreaker::Duration kPatience = seconds(5);

class CircuitBreakerTest : public testing::Test {
 protected:
  std::optional<Ticket> Admit(CircuitBreaker::Duration patience = kPatience) {
    return breaker_.Admit(now_, patience);
  }
  // Whether a call went out, which then ended so.
  bool Call(Outcome outcome, CircuitBreaker::Duration patience = kPatience) {
    const std::optional<Ticket> ticket = Admit(patience);
    if (ticket) {
      breaker_.Report(*ticket, outcome, now_);
    }
    return ticket.has_value();
  }
  void Open(CircuitBreaker::Duration patience = kPatience) {
    for (int i = 0; i < CircuitBreaker::kFailuresToOpen; ++i) {
      ASSERT_TRUE(Call(Outcome::kFailure, patience)) << i;
    }
  }

  CircuitBreaker breaker_;
  CircuitBreaker::TimePoint now_{seconds(1'000)};
};

TEST_F(CircuitBreakerTest, FailuresInARowOpenIt) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 1; i < CircuitBreaker::kFailuresToOpen; ++i) {
      EXPECT_TRUE(Call(Outcome::kFailure));
    }
    EXPECT_TRUE(Call(Outcome::kSuccess));
  }
  EXPECT_EQ(breaker_.PauseLeft(now_), CircuitBreaker::Duration::zero());
  Open();
  EXPECT_FALSE(Admit());
  EXPECT_EQ(breaker_.PauseLeft(now_), CircuitBreaker::kFirstPause);
}

TEST_F(CircuitBreakerTest, UnknownOutcomesDoNotCount) {
  for (int i = 0; i < 4 * CircuitBreaker::kFailuresToOpen; ++i) {
    EXPECT_TRUE(Call(Outcome::kUnknown));
  }
  Open();
}

TEST_F(CircuitBreakerTest, OneCallTriesAfterAPauseThatDoubles) {
  Open();
  CircuitBreaker::Duration pause = CircuitBreaker::kFirstPause;
  for (int i = 0; i < 10; ++i) {
    now_ += pause - milliseconds(1);
    EXPECT_FALSE(Admit());
    now_ += milliseconds(1);
    const std::optional<Ticket> ticket = Admit();
    ASSERT_TRUE(ticket);
    EXPECT_FALSE(Admit()) << "one is on its way";
    breaker_.Report(*ticket, Outcome::kFailure, now_);
    pause = std::min(2 * pause, CircuitBreaker::kLongestPause);
  }
  EXPECT_EQ(pause, CircuitBreaker::kLongestPause);
}

TEST_F(CircuitBreakerTest, ASuccessClosesItAndForgets) {
  Open();
  now_ += CircuitBreaker::kFirstPause;
  EXPECT_TRUE(Call(Outcome::kFailure));
  now_ += 2 * CircuitBreaker::kFirstPause;
  EXPECT_TRUE(Call(Outcome::kSuccess));
  Open();
  EXPECT_EQ(breaker_.PauseLeft(now_), CircuitBreaker::kFirstPause);
}

TEST_F(CircuitBreakerTest, ATryOfUnknownOutcomeLeavesItToTheNext) {
  Open();
  now_ += CircuitBreaker::kFirstPause;
  EXPECT_TRUE(Call(Outcome::kUnknown));
  EXPECT_TRUE(Call(Outcome::kFailure));
  EXPECT_FALSE(Admit());
}

TEST_F(CircuitBreakerTest, TwiceThePatienceThatFailedIsATry) {
  Open(milliseconds(200));
  EXPECT_FALSE(Admit(milliseconds(399)));
  const std::optional<Ticket> ticket = Admit(milliseconds(400));
  ASSERT_TRUE(ticket);
  EXPECT_FALSE(Admit(kPatience)) << "one is on its way";
  breaker_.Report(*ticket, Outcome::kFailure, now_);
  EXPECT_FALSE(Admit(milliseconds(400)));
  EXPECT_TRUE(Call(Outcome::kSuccess, kPatience));
  EXPECT_TRUE(Admit(milliseconds(1)));
}

TEST_F(CircuitBreakerTest, CallsOnTheirWayWhenItOpensDoNotPutTheNextTryOff) {
  const std::vector<Ticket> late = {*Admit(), *Admit(), *Admit()};
  Open();
  now_ += CircuitBreaker::kFirstPause;
  for (const Ticket& ticket : late) {
    breaker_.Report(ticket, Outcome::kFailure, now_);
  }
  EXPECT_TRUE(Admit());
}

}  // namespace
}  // namespace nearhit
