// Random requests: what differs in a way that an answer may depend on has another key, and whatever
// else differs has the same. NEARHIT_TEST_PAIRS sets how many pairs are tried.

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "server/dialect/request_plan.h"
#include "tests/server/dialect/request_json.h"

namespace nearhit::server {
namespace {

constexpr Endpoint kEndpoints[] = {Endpoint::kChat, Endpoint::kCompletions, Endpoint::kResponses,
                                   Endpoint::kMessages, Endpoint::kCountTokens};

std::size_t Pairs() {
  const char* const pairs = std::getenv("NEARHIT_TEST_PAIRS");
  return pairs == nullptr ? 20'000 : std::strtoul(pairs, nullptr, 10);
}

class RequestPropertyTest : public testing::Test {
 protected:
  RequestPlan Plan(Endpoint endpoint, std::string body) {
    return planner_.Plan(endpoint, options_, &body);
  }
  static bool IsSameKey(const RequestPlan& a, const RequestPlan& b) {
    return a.canonical == b.canonical && a.slot == b.slot;
  }
  static bool IsSameUse(const RequestPlan& a, const RequestPlan& b) {
    return a.use == b.use && a.reason == b.reason && a.model == b.model &&
           a.of_caller_only == b.of_caller_only;
  }

  RequestPlanner planner_;
  PlanOptions options_;
};

TEST_F(RequestPropertyTest, OtherWaysToWriteARequestAreTheSame) {
  RequestMaker maker(1);
  for (std::size_t i = 0; i < Pairs(); ++i) {
    const Endpoint endpoint = kEndpoints[i % std::size(kEndpoints)];
    const Json request = maker.Request(endpoint);
    const std::string one = maker.Written(request);
    const std::string two = maker.Written(maker.WithOtherIgnorables(endpoint, request));
    const RequestPlan a = Plan(endpoint, one);
    const RequestPlan b = Plan(endpoint, two);
    ASSERT_NE(a.reason, "unparsable") << one;
    ASSERT_NE(a.reason, "duplicate_member") << one;
    ASSERT_TRUE(IsSameKey(a, b) && IsSameUse(a, b)) << EndpointName(endpoint) << "\n"
                                                    << one << "\n"
                                                    << two << "\n"
                                                    << a.reason << " " << b.reason;
  }
}

TEST_F(RequestPropertyTest, OnlyRequestsOfOneMeaningHaveOneKey) {
  RequestMaker maker(2);
  std::size_t same = 0;
  for (std::size_t i = 0; i < Pairs(); ++i) {
    const Endpoint endpoint = kEndpoints[i % std::size(kEndpoints)];
    options_.semantic_user_turns = 1 + static_cast<std::uint32_t>(i % 3);
    const Json request = maker.Request(endpoint);
    const Json changed = maker.Changed(request);
    const std::string one = maker.Written(request);
    const std::string two = maker.Written(changed);
    const RequestPlan a = Plan(endpoint, one);
    const RequestPlan b = Plan(endpoint, two);
    const bool is_same = Meaning(endpoint, request) == Meaning(endpoint, changed);
    ASSERT_EQ(IsSameKey(a, b), is_same) << EndpointName(endpoint) << "\n" << one << "\n" << two;
    ASSERT_TRUE(!is_same || IsSameUse(a, b)) << one << "\n" << two;
    same += is_same ? 1 : 0;
  }
  EXPECT_GT(same, Pairs() / 100);
  EXPECT_LT(same, Pairs() / 2);
}

}  // namespace
}  // namespace nearhit::server
