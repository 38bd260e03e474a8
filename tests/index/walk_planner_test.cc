// The planner is a function: a table of questions, and how far a walk goes for each.

#include "index/walk_planner.h"

#include <cstddef>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace nearhit::walk_planner_test {
namespace {

struct Case {
  std::string name;
  SearchOptions options{};
  std::size_t entries = 100'000;
  WalkObservations observed{};
  IndexMetric metric = IndexMetric::kCosine;
  double common = 0;
  WalkPlan plan{};
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

SearchOptions Match(float min_score, std::size_t k = 1) {
  return {.k = k, .min_score = min_score, .any_match = true};
}

class WalkPlannerTest : public testing::TestWithParam<Case> {};

TEST_P(WalkPlannerTest, PlansAsTheTableSays) {
  const Case& c = GetParam();
  const WalkPlan plan =
      WalkPlanner(c.metric, c.common).Plan(c.options, c.options.k, c.entries, c.observed);
  EXPECT_EQ(plan.ef, c.plan.ef);
  EXPECT_FLOAT_EQ(plan.near_score, c.plan.near_score);
  EXPECT_EQ(plan.ef_once_near, c.plan.ef_once_near);
  EXPECT_FLOAT_EQ(plan.match_score, c.plan.match_score);
  EXPECT_EQ(plan.ef_once_matched, c.plan.ef_once_matched);
  EXPECT_EQ(plan.entry_points, c.plan.entry_points);
  EXPECT_FLOAT_EQ(plan.retry_share, c.plan.retry_share);
  EXPECT_EQ(plan.rough, c.plan.rough);
  EXPECT_EQ(plan.without, kNoNode);
}

// A filter of ids.
class AllIds final : public IdFilter {
 public:
  bool Accepts(EntryId /*id*/) const override { return true; }
};
const AllIds kAllIds;

const Case kNearestCases[] = {
    {.name = "NearestNeighbours", .options = {.k = 10}, .plan = {.ef = 64}},
    {.name = "NearestAmongAMillion",
     .options = {.k = 10},
     .entries = 1'000'000,
     .plan = {.ef = 192, .entry_points = 5}},
    {.name = "NearestAreNotFewerThanTwiceTheCandidates",
     .options = {.k = 100},
     .plan = {.ef = 300}},
    {.name = "NearestAsWideAsCalibrated",
     .options = {.k = 10},
     .observed = {.nearest_width = 4, .whole_scores = true},
     .plan = {.ef = 256, .rough = false}},
    {.name = "TheCallersEf",
     .options = {.k = 1, .ef = 50, .min_score = .9F, .any_match = true},
     .observed = {.match_width = 8, .nearest_width = 8},
     .plan = {.ef = 50}},
    {.name = "TheCallersEfIsAtLeastTheCandidates",
     .options = {.k = 10, .ef = 5},
     .plan = {.ef = 15}},
    {.name = "AThresholdAloneIsNoNearDuplicate",
     .options = {.k = 1, .min_score = .9F},
     .plan = {.ef = 64}},
    {.name = "AFilterWantsMore",
     .options = {.k = 1, .min_score = .9F, .any_match = true, .filter = &kAllIds},
     .plan = {.ef = 96}},
};

const Case kMatchCases[] = {
    {.name = "MatchAt90",
     .options = Match(.9F),
     .plan = {.ef = 16,
              .near_score = .9F,
              .ef_once_near = 12,
              .match_score = .918F,
              .ef_once_matched = 8,
              .retry_share = .005F}},
    {.name = "MatchAt80",
     .options = Match(.8F),
     .plan = {.ef = 32,
              .near_score = .8F,
              .ef_once_near = 24,
              .match_score = .816F,
              .ef_once_matched = 8,
              .retry_share = .005F}},
    {.name = "MatchAt90AmongAMillion",
     .options = Match(.9F),
     .entries = 1'000'000,
     .plan = {.ef = 40,
              .near_score = .9F,
              .ef_once_near = 16,
              .match_score = .918F,
              .ef_once_matched = 8,
              .retry_share = .015F}},
    {.name = "MatchUnder80IsAskedForWide",
     .options = Match(.7F),
     .plan = {.ef = 80, .match_score = .714F, .ef_once_matched = 20}},
    {.name = "SeveralMatchesNeverSettle",
     .options = Match(.9F, 3),
     .plan = {.ef = 16, .retry_share = .005F}},
    {.name = "NearStartsWhereWalksEnd",
     .options = Match(.9F),
     .observed = {.far_share = {.7F, .8F}},
     .plan = {.ef = 16,
              .near_score = .72F,
              .ef_once_near = 12,
              .match_score = .918F,
              .ef_once_matched = 8,
              .retry_share = .005F}},
    {.name = "ButNotUnderSixTenths",
     .options = Match(.8F),
     .observed = {.far_share = {.1F, .9F}},
     .plan = {.ef = 32,
              .near_score = .48F,
              .ef_once_near = 24,
              .match_score = .816F,
              .ef_once_matched = 8,
              .retry_share = .005F}},
    {.name = "MatchesAsWideAsProbesSay",
     .options = Match(.9F),
     .observed = {.match_width = 4},
     .plan = {.ef = 64,
              .near_score = .9F,
              .ef_once_near = 48,
              .match_score = .918F,
              .ef_once_matched = 8,
              .entry_points = 3,
              .retry_share = .005F}},
    // .75 is half of what is beyond .5.
    {.name = "ThresholdsCountBeyondWhatIsCommon",
     .options = Match(.75F),
     .common = .5,
     .plan = {.ef = 80, .match_score = .51F, .ef_once_matched = 20}},
    {.name = "OtherMetricsHaveNoNearDuplicates",
     .options = Match(.9F),
     .metric = IndexMetric::kDot,
     .plan = {.ef = 64}},
};

std::string NameOf(const testing::TestParamInfo<Case>& test) {
  return test.param.name;
}

INSTANTIATE_TEST_SUITE_P(Nearest, WalkPlannerTest, testing::ValuesIn(kNearestCases), NameOf);
INSTANTIATE_TEST_SUITE_P(Matches, WalkPlannerTest, testing::ValuesIn(kMatchCases), NameOf);

TEST(WalkPlanTest, GoesLessFarOnceItIsNear) {
  const WalkPlan plan{
      .ef = 30, .near_score = .5F, .ef_once_near = 20, .match_score = .9F, .ef_once_matched = 10};
  EXPECT_EQ(plan.Limit(.4F), 30U);
  EXPECT_EQ(plan.Limit(.5F), 20U);
  EXPECT_EQ(plan.Limit(.9F), 10U);
  EXPECT_EQ(WalkPlan{.ef = 30}.Limit(.9F), 30U);
}

}  // namespace
}  // namespace nearhit::walk_planner_test
