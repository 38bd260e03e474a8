// What becomes of candidates that a policy refuses.

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/cache/cache.h"
#include "engine/storage/memory_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

// Refuses entries by name.
class RefusingPolicy final : public ServingPolicy {
 public:
  RefusingPolicy(std::set<std::string, std::less<>> refused, std::size_t candidates)
      : refused_(std::move(refused)), candidates_(candidates) {}

  float LeastScore(std::optional<float>) const override { return .5F; }
  std::size_t candidates() const override { return candidates_; }
  Verdict Judge(const Evidence& evidence) const override {
    judged.emplace_back(evidence.matched);
    EXPECT_EQ(evidence.asked, "question");
    const bool refused = refused_.count(evidence.matched) != 0;
    return {.serve = !refused,
            .reason = refused ? MissReason::kBelowThreshold : MissReason::kNone,
            .rule = "names"};
  }

  void Report(PolicyReport*) const override {}

  mutable std::vector<std::string> judged;

 private:
  const std::set<std::string, std::less<>> refused_;
  const std::size_t candidates_;
};

class ServingTest : public testing::Test {
 protected:
  // Entries "0" to "9", each farther from the question than the one before; the first `expired` of
  // them are past their time.
  LookupResult Lookup(std::set<std::string, std::less<>> refused, std::size_t candidates = 4,
                      int expired = 0) {
    policy_ = std::make_shared<RefusingPolicy>(std::move(refused), candidates);
    NamespaceConfig config;
    config.dimension = 2;
    Cache cache(collection_.get(), &clock_, labels_, nullptr, config, nullptr,
                [this](const PolicyInputs&) { return policy_; });
    for (int i = 0; i < 10; ++i) {
      const std::string slot = std::to_string(i);
      const std::vector<float> vector = {1, .05F * static_cast<float>(i)};
      StoreRequest request;
      request.prompt = {.scope = "s", .slot = slot, .vector = vector};
      request.answer = "answer";
      if (i < expired) {
        request.ttl_ms = 1;
      }
      EXPECT_THAT(cache.Store({&request, 1}), IsOk());
    }
    const std::vector<float> vector = {1, 0};
    const Prompt prompt{.scope = "s", .slot = "question", .vector = vector};
    clock_.AdvanceMillis(2);
    auto found = cache.Lookup(prompt, {.explain = true});
    EXPECT_THAT(found, IsOk());
    return *std::move(found);
  }

  ManualClock clock_;
  const std::unique_ptr<KvStore> store_ = NewMemoryStore();
  const std::unique_ptr<IdAllocator> ids_ = *IdAllocator::Open(store_.get());
  const std::unique_ptr<Collection> collection_ =
      *Collection::Open(store_.get(), &clock_, ids_.get(), HashSecret{}, {.ns = 1, .dimension = 2});
  const std::shared_ptr<LabelBook> labels_ = std::make_shared<LabelBook>(store_.get(), &clock_, 1);
  std::shared_ptr<RefusingPolicy> policy_;
};

TEST_F(ServingTest, TheNearestThatIsNotRefusedIsServed) {
  const LookupResult result = Lookup({"0", "1"});
  EXPECT_EQ(result.kind, HitKind::kSemantic);
  EXPECT_EQ(result.matched_slot, "2");
  EXPECT_EQ(policy_->judged, (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(ServingTest, ThePolicySeesNoMoreThanItAsksFor) {
  const LookupResult result = Lookup({"0", "1", "2"}, 2);
  EXPECT_EQ(result.kind, HitKind::kMiss);
  EXPECT_EQ(policy_->judged, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(result.trace->searches, 1U);
}

TEST_F(ServingTest, WhatHasExpiredDoesNotCount) {
  const LookupResult result = Lookup({"3"}, 2, /*expired=*/3);
  EXPECT_EQ(result.matched_slot, "4");
  EXPECT_EQ(policy_->judged, (std::vector<std::string>{"3", "4"}));
}

TEST_F(ServingTest, TheTraceHasAVerdictForEachCandidate) {
  const LookupResult result = Lookup({"1"}, 2, /*expired=*/1);
  ASSERT_NE(result.trace, nullptr);
  std::vector<std::string> rules;
  for (const LookupTrace::Candidate& candidate : result.trace->candidates) {
    rules.push_back(candidate.rule + "/" + std::string(MissReasonName(candidate.reason)));
  }
  EXPECT_EQ(rules, (std::vector<std::string>{"names/below_threshold", "names/none"}));
  EXPECT_TRUE(result.trace->candidates.back().served);
  EXPECT_TRUE(result.trace->scope_found);
  EXPECT_FALSE(result.trace->embedded);
  EXPECT_EQ(result.trace->search.entries, 10U);
}

TEST_F(ServingTest, WithoutExplainThereIsNoTrace) {
  Lookup({});
  const std::vector<float> vector = {1, 0};
  Cache cache(collection_.get(), &clock_, labels_, nullptr, NamespaceConfig{.dimension = 2});
  EXPECT_EQ(cache.Lookup(Prompt{.scope = "s", .slot = "question", .vector = vector}, {})->trace,
            nullptr);
}

TEST_F(ServingTest, WhenAllAreRefusedTheReasonIsThePolicys) {
  const LookupResult result = Lookup({"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
  EXPECT_EQ(result.kind, HitKind::kMiss);
  EXPECT_EQ(result.miss_reason, MissReason::kBelowThreshold);
  EXPECT_NEAR(result.score.value_or(0), 1, 1e-6);
  EXPECT_TRUE(result.answer.empty());
}

}  // namespace
}  // namespace nearhit
