// What the serving policy of a namespace does to its lookups.

#include <initializer_list>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "nearhit/semantic_cache.h"
#include "tests/engine/database/open_database.h"

namespace nearhit {
namespace {

using testing::HasSubstr;

const std::vector<float> kHere = {1, 0};
const std::vector<float> kNearby = {0.995F, 0.1F};
constexpr std::string_view kTableForTwo = "How do I book a table for 2 people?";
constexpr std::string_view kTableForThree = "How do I book a table for 3 people?";

class ServingPolicyTest : public DatabaseTest {
 protected:
  static NamespaceConfig GuardedConfig() {
    NamespaceConfig config = CacheConfig();
    config.guards_off = GuardSet();
    return config;
  }
  LookupResult Lookup(std::string_view slot, const std::vector<float>& vector = kHere) {
    return *cache_->Lookup({.scope = "s", .slot = slot, .vector = vector}, {.explain = true});
  }
  std::uint64_t Refusals(Guard guard) {
    return db_->DescribeNamespace("c")->stats.guard_refusals[static_cast<std::size_t>(guard)];
  }

  std::shared_ptr<SemanticCache> cache_ = NewCache(GuardedConfig());
};

TEST_F(ServingPolicyTest, AGuardRefusesAndIsNamed) {
  ASSERT_THAT(cache_->Store(Request(kTableForTwo, kHere)), IsOk());
  const LookupResult miss = Lookup(kTableForThree);
  EXPECT_EQ(miss.kind, HitKind::kMiss);
  EXPECT_EQ(miss.miss_reason, MissReason::kGuarded);
  EXPECT_EQ(miss.rule, "number");
  ASSERT_EQ(miss.trace->candidates.size(), 1U);
  EXPECT_EQ(miss.trace->candidates[0].rule, "number");
  EXPECT_EQ(Refusals(Guard::kNumber), 1U);
  const LookupResult hit = Lookup("How do I book a table for two people?");
  EXPECT_EQ(hit.kind, HitKind::kSemantic);
  EXPECT_EQ(hit.rule, "threshold");
  EXPECT_EQ(Refusals(Guard::kNumber), 1U);
}

TEST_F(ServingPolicyTest, TheNextNearestIsServedWhereTheNearestIsRefused) {
  ASSERT_THAT(cache_->Store(Request(kTableForThree, kHere)), IsOk());
  ASSERT_THAT(cache_->Store(Request(kTableForTwo, kNearby, "for two")), IsOk());
  const LookupResult hit = Lookup("How can I book a table for 2 people?");
  EXPECT_EQ(hit.kind, HitKind::kSemantic);
  EXPECT_EQ(hit.answer, "for two");
}

TEST_F(ServingPolicyTest, AGuardCanBeSwitchedOff) {
  ASSERT_THAT(cache_->Store(Request(kTableForTwo, kHere)), IsOk());
  NamespaceUpdate update;
  update.guards_off = *ParseGuards("number");
  ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  EXPECT_EQ(Lookup(kTableForThree).kind, HitKind::kSemantic);
  EXPECT_EQ(db_->DescribeNamespace("c")->config.guards_off, *ParseGuards("number"));
}

TEST_F(ServingPolicyTest, ABudgetServesWhatIsLikely) {
  ASSERT_THAT(cache_->Store(Request(kTableForTwo, kHere)), IsOk());
  NamespaceUpdate update;
  update.max_error = 0.01F;
  ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  const LookupResult hit = Lookup("How can I book a table for 2 people?");
  EXPECT_EQ(hit.kind, HitKind::kSemantic);
  EXPECT_EQ(hit.rule, "budget");
  EXPECT_EQ(Lookup(kTableForThree).rule, "number");
  const LookupResult unlikely =
      Lookup("Why was the restaurant closed by its owner?", {0.81F, 0.58F});
  EXPECT_EQ(unlikely.miss_reason, MissReason::kOverBudget);
  EXPECT_EQ(unlikely.rule, "budget");
}

TEST_F(ServingPolicyTest, BudgetsOutOfRangeAreRefused) {
  for (const float max_error : {0.001F, 0.2F, -0.01F}) {
    NamespaceUpdate update;
    update.max_error = max_error;
    EXPECT_THAT(db_->UpdateNamespace("c", update),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("max_error")))
        << max_error;
  }
  NamespaceConfig config = GuardedConfig();
  config.max_error = 0.01F;
  config.metric = Metric::kL2;
  EXPECT_THAT(db_->CreateNamespace("l2", config),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("cosine")));
  EXPECT_EQ(db_->DescribeNamespace("c")->config.max_error, 0);
}

// Requests of all kinds, by words: each decision has a rule, and the counters add up to them.
TEST_F(ServingPolicyTest, EveryDecisionIsExplainedAndCounted) {
  NamespaceConfig config;
  config.embedder.kind = "lexical";
  config.max_error = 0.05F;
  ASSERT_THAT(db_->CreateNamespace("words", config), IsOk());
  cache_ = *db_->Cache("words");
  std::mt19937 random(5);
  const auto one_of = [&random](std::initializer_list<std::string_view> words) {
    return std::string(words.begin()[random() % words.size()]);
  };
  std::map<std::string, std::uint64_t> rules;
  std::uint64_t exact = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string text = one_of({"How do I", "How can I", "Why can't I", "When do I"}) + " " +
                             one_of({"book", "cancel", "change", "turn on", "turn off"}) +
                             " a table for " + std::to_string(random() % 4 + 2) + " in " +
                             one_of({"Paris", "Rome", "town"}) + one_of({"?", "", " today?"});
    const LookupResult found = Lookup(text, {});
    if (found.kind == HitKind::kExact) {
      ++exact;
      continue;
    }
    if (found.kind == HitKind::kMiss) {
      ASSERT_THAT(cache_->Store(Request(text, {})), IsOk());
    }
    ASSERT_NE(found.trace, nullptr);
    if (found.trace->candidates.empty()) {  // nothing was near enough to be judged
      EXPECT_EQ(found.rule, "") << text;
      EXPECT_NE(found.miss_reason, MissReason::kNone);
      continue;
    }
    ++rules[found.rule];
    for (const LookupTrace::Candidate& candidate : found.trace->candidates) {
      EXPECT_NE(candidate.rule, "") << text;
      EXPECT_NE(candidate.served, candidate.reason != MissReason::kNone) << text;
    }
    EXPECT_EQ(found.rule, found.trace->candidates.back().rule) << text;
    EXPECT_EQ(found.kind == HitKind::kSemantic, found.trace->candidates.back().served) << text;
  }
  const NamespaceStats stats = db_->DescribeNamespace("words")->stats;
  EXPECT_EQ(stats.exact_hits, exact);
  EXPECT_EQ(stats.exact_hits + stats.semantic_hits + stats.misses, 10'000U);
  std::size_t guards = 0;
  for (std::size_t i = 0; i < kGuardNames.size(); ++i) {
    EXPECT_EQ(stats.guard_refusals[i], rules[std::string(kGuardNames[i])]) << kGuardNames[i];
    guards += stats.guard_refusals[i] > 0 ? 1 : 0;
  }
  EXPECT_GE(guards, 4U);
  EXPECT_GT(rules["budget"], 0U);
}

}  // namespace
}  // namespace nearhit
