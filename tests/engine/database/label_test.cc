// Labels of a cache: what they do to its lookups.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "nearhit/semantic_cache.h"
#include "tests/engine/database/open_database.h"
#include "tests/engine/database/scripted_embedder.h"

namespace nearhit {
namespace {

using testing::HasSubstr;

const std::vector<float> kEntryVector = {1, 0};
const std::vector<float> kAskedVector = {0.995F, 0.1F};
const std::vector<float> kFarVector = {0.1F, 0.995F};
constexpr std::string_view kEntry = "How do I close my account?";
constexpr std::string_view kAsked = "How can I close an account?";

class LabelTest : public DatabaseTest {
 protected:
  LabelTest() { id_ = cache_->Store(Request(kEntry, kEntryVector))->id; }

  LabelRequest Verdict(bool serves, LabelSource source = LabelSource::kFeedback) const {
    return {.prompt = {.scope = "s", .slot = kAsked, .vector = kAskedVector},
            .id = id_,
            .serves = serves,
            .source = source,
            .principal = "alice"};
  }
  LookupResult Find(std::string_view slot, VectorView vector, const LookupOptions& options = {}) {
    return *cache_->Lookup({.scope = "s", .slot = slot, .vector = vector}, options);
  }
  LookupResult Ask(const LookupOptions& options = {}) {
    return Find(kAsked, kAskedVector, options);
  }
  void SetBudget(float max_error) {
    NamespaceUpdate update;
    update.max_error = max_error;
    ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  }

  std::shared_ptr<SemanticCache> cache_ = NewCache(CacheConfig());
  EntryId id_;
};

TEST_F(LabelTest, AWrongPairIsNotServedFromTheNextLookupOn) {
  ASSERT_EQ(Ask().kind, HitKind::kSemantic);
  EXPECT_EQ(Ask().candidate, id_);
  ASSERT_THAT(cache_->Label(Verdict(false)), IsOk());
  const LookupResult miss = Ask({.explain = true});
  EXPECT_EQ(miss.kind, HitKind::kMiss);
  EXPECT_EQ(miss.miss_reason, MissReason::kLabelled);
  EXPECT_EQ(miss.rule, "label");
  EXPECT_EQ(miss.candidate, EntryId{});
  ASSERT_EQ(miss.trace->candidates.size(), 1U);
  EXPECT_EQ(miss.trace->candidates[0].rule, "label");
  EXPECT_EQ(Find(kEntry, {}).kind, HitKind::kExact);
  EXPECT_EQ(Find("How to close an account?", kAskedVector).kind, HitKind::kSemantic);
}

TEST_F(LabelTest, WhatIsStoredAnewForTheEntrysPromptIsTheSamePair) {
  ASSERT_THAT(cache_->Label(Verdict(false)), IsOk());
  ASSERT_THAT(cache_->Store(Request(kEntry, kEntryVector, "another answer")), IsOk());
  EXPECT_EQ(Ask().miss_reason, MissReason::kLabelled);
}

TEST_F(LabelTest, ParaphrasesOfAWrongPairNeedMoreSimilarity) {
  const std::vector<float> paraphrase = {0.92F, 0.39F};
  ASSERT_EQ(Find("account closing?", paraphrase).kind, HitKind::kSemantic);
  ASSERT_THAT(cache_->Label(Verdict(false)), IsOk());
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(Find("account closing?", paraphrase).rule, "label");
  EXPECT_EQ(Find("How to close an account?", kAskedVector).kind, HitKind::kSemantic);
}

TEST_F(LabelTest, ARightPairIsFoundWithoutAVector) {
  LabelRequest review = Verdict(true, LabelSource::kReview);
  review.prompt.slot = "Shut it down";
  review.prompt.vector = kFarVector;
  EXPECT_EQ(Find("Shut it down", {}).kind, HitKind::kMiss);
  EXPECT_TRUE(cache_->Label(review)->alias);
  const LookupResult hit = Find("Shut it down", {});
  EXPECT_EQ(hit.kind, HitKind::kSemantic);
  EXPECT_EQ(hit.rule, "label");
  EXPECT_EQ(hit.matched_slot, kEntry);
  EXPECT_FALSE(hit.score);
  EXPECT_EQ(Find("Shut it down", {}, {.exact_only = true}).kind, HitKind::kMiss);
  EXPECT_EQ(Find("Shut it down", {}, {.min_score = 0.99F}).kind, HitKind::kMiss);
  const auto elsewhere = cache_->Lookup({.scope = "other", .slot = "Shut it down"}, {});
  EXPECT_EQ(elsewhere->kind, HitKind::kMiss);
  // It follows what is stored for the prompt.
  ASSERT_THAT(cache_->Store(Request(kEntry, kEntryVector, "newer")), IsOk());
  EXPECT_EQ(Find("Shut it down", {}).answer, "newer");
  ASSERT_THAT(cache_->Delete(Find("Shut it down", {}).id, Durability::kDefault), IsOk());
  EXPECT_EQ(Find("Shut it down", {}).kind, HitKind::kMiss);
  EXPECT_EQ(cache_->Policy()->aliases, 1U);
}

TEST_F(LabelTest, ATrustedLabelCountsMoreThanFeedback) {
  ASSERT_THAT(cache_->Label(Verdict(false)), IsOk());
  ASSERT_THAT(cache_->Label(Verdict(true, LabelSource::kJudge)), IsOk());
  EXPECT_EQ(Ask().kind, HitKind::kSemantic);
  ASSERT_THAT(cache_->Label(Verdict(false, LabelSource::kReview)), IsOk());
  ASSERT_THAT(cache_->Label(Verdict(true)), IsOk());
  EXPECT_EQ(Ask().miss_reason, MissReason::kLabelled);
}

TEST_F(LabelTest, OnlyWhatWasReadMakesAnAlias) {
  for (const LabelSource source : {LabelSource::kFeedback, LabelSource::kShadow}) {
    EXPECT_FALSE(cache_->Label(Verdict(true, source))->alias);
    EXPECT_EQ(Ask().rule, "threshold");
  }
  EXPECT_TRUE(cache_->Label(Verdict(true, LabelSource::kJudge))->alias);
  EXPECT_EQ(Ask().rule, "label");
}

TEST_F(LabelTest, AReviewStandsWhateverComparisonsAndJudgesSayLater) {
  ASSERT_THAT(cache_->Label(Verdict(false, LabelSource::kReview)), IsOk());
  for (const LabelSource source : {LabelSource::kJudge, LabelSource::kShadow}) {
    EXPECT_FALSE(cache_->Label(Verdict(true, source))->alias);
    EXPECT_EQ(Ask().miss_reason, MissReason::kLabelled);
  }
  ASSERT_THAT(cache_->Label(Verdict(true, LabelSource::kReview)), IsOk());
  EXPECT_EQ(Ask().kind, HitKind::kSemantic);
}

TEST_F(LabelTest, WhoeverConfirmsASampleItStaysOne) {
  LabelRequest sample = Verdict(false, LabelSource::kShadow);
  sample.sampled = true;
  sample.requests = 2;
  ASSERT_THAT(cache_->Label(sample), IsOk());
  ASSERT_THAT(cache_->Label(Verdict(false, LabelSource::kReview)), IsOk());
  LabelRequest without_vector = Verdict(false, LabelSource::kReview);
  without_vector.prompt.vector = {};
  ASSERT_THAT(cache_->Label(without_vector), IsOk());
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(cache_->Policy()->judged_requests, 2);
  EXPECT_EQ(cache_->Policy()->labels[3], 1U);
}

TEST_F(LabelTest, SamplesOfAThresholdProveNothingBelowIt) {
  for (int i = 0; i < 300; ++i) {
    const std::string slot = "How could I close account " + std::to_string(i);
    LabelRequest label = Verdict(true, LabelSource::kShadow);
    label.prompt.slot = slot;
    label.sampled = true;
    ASSERT_THAT(cache_->Label(label), IsOk());
  }
  SetBudget(0.1F);
  ASSERT_EQ(cache_->Policy()->basis, PolicyReport::Basis::kLabels);
  const std::string_view asked = "How can somebody close an account?";
  EXPECT_EQ(Find(asked, kAskedVector).kind, HitKind::kSemantic);
  const std::vector<float> below = {0.88F, 0.475F};
  EXPECT_EQ(Find(asked, below).miss_reason, MissReason::kOverBudget);
}

TEST_F(LabelTest, AnotherPrincipalDoesNotUndoAWrong) {
  ASSERT_THAT(cache_->Label(Verdict(false)), IsOk());
  LabelRequest other = Verdict(true);
  other.principal = "mallory";
  ASSERT_THAT(cache_->Label(other), IsOk());
  EXPECT_EQ(Ask().miss_reason, MissReason::kLabelled);
  ASSERT_THAT(cache_->Label(Verdict(true)), IsOk());
  EXPECT_EQ(Ask().kind, HitKind::kSemantic);
}

TEST_F(LabelTest, HostileFeedbackIsBoundedAndMovesNoBudget) {
  SetBudget(0.01F);
  const PolicyReport before = *cache_->Policy();
  std::size_t refused = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string slot = "hostile " + std::to_string(i);
    LabelRequest label = Verdict(i % 2 == 0);
    label.prompt.slot = slot;
    label.principal = "mallory";
    label.sampled = true;
    const auto given = cache_->Label(label);
    refused += given.status().code() == StatusCode::kResourceExhausted ? 1 : 0;
    clock_.AdvanceMillis(10);
  }
  EXPECT_GE(refused, 9'700U);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  const PolicyReport after = *cache_->Policy();
  EXPECT_EQ(after.least_odds, before.least_odds);
  EXPECT_EQ(after.basis, PolicyReport::Basis::kCalibration);
  EXPECT_EQ(after.judged_requests, 0);
  EXPECT_FALSE(after.fitted);
  LabelRequest honest = Verdict(false);
  EXPECT_THAT(cache_->Label(honest), IsOk());
}

TEST_F(LabelTest, SampledLabelsProveABudget) {
  SetBudget(0.05F);
  EXPECT_EQ(cache_->Policy()->basis, PolicyReport::Basis::kCalibration);
  for (int i = 0; i < 60; ++i) {
    const std::string slot = "How could I close account number " + std::to_string(i);
    LabelRequest label = Verdict(true, LabelSource::kReview);
    label.prompt.slot = slot;
    label.sampled = true;
    label.requests = 2;
    ASSERT_THAT(cache_->Label(label), IsOk());
  }
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  const PolicyReport report = *cache_->Policy();
  EXPECT_EQ(report.basis, PolicyReport::Basis::kLabels);
  EXPECT_FLOAT_EQ(report.judged_requests, 120);
  EXPECT_EQ(report.labels[3], 60U);
  EXPECT_EQ(report.wrong, 0);
  EXPECT_LT(*report.wrong_high, .05F);
  EXPECT_FALSE(report.budgets.empty());
}

TEST_F(LabelTest, LookupsLabelsAndLessonsGoOnTogether) {
  SetBudget(0.05F);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const LookupResult found = Ask();
        EXPECT_NE(found.kind, HitKind::kExact);
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      EXPECT_THAT(db_->RunMaintenance(), IsOk());
      EXPECT_THAT(cache_->Policy(), IsOk());
    }
  });
  for (int i = 0; i < 300; ++i) {
    const std::string slot = "How could I close account number " + std::to_string(i % 150);
    LabelRequest label = Verdict(i % 4 != 0, LabelSource::kJudge);
    label.prompt.slot = slot;
    label.sampled = true;
    ASSERT_THAT(cache_->Label(label), IsOk());
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(cache_->Policy()->labels[2], 150U);
  EXPECT_TRUE(db_->RunMaintenance().ok() && cache_->Policy()->fitted);
}

TEST_F(LabelTest, BadLabelsAreRefused) {
  LabelRequest label = Verdict(false);
  label.id = EntryId{12'345};
  EXPECT_THAT(cache_->Label(label), StatusIs(StatusCode::kNotFound));
  label = Verdict(false);
  label.matched = kEntry;
  EXPECT_THAT(cache_->Label(label), StatusIs(StatusCode::kInvalidArgument, HasSubstr("matched")));
  label.id = EntryId{};
  label.prompt.scope = "other";  // it is given by its text, which need not be stored
  EXPECT_THAT(cache_->Label(label), IsOk());
  label.matched = {};
  EXPECT_THAT(cache_->Label(label), StatusIs(StatusCode::kInvalidArgument, HasSubstr("matched")));
  label = Verdict(false);
  label.prompt.scope = "other";
  EXPECT_THAT(cache_->Label(label), StatusIs(StatusCode::kInvalidArgument, HasSubstr("scope")));
  label = Verdict(false);
  label.prompt.slot = kEntry;
  EXPECT_THAT(cache_->Label(label), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("delete")));
  label = Verdict(false);
  const std::string long_name(kMaxPrincipalBytes + 1, 'x');
  label.principal = long_name;
  EXPECT_THAT(cache_->Label(label), StatusIs(StatusCode::kInvalidArgument, HasSubstr("principal")));
  label = Verdict(false);
  label.requests = 3;
  EXPECT_THAT(cache_->Label(label), StatusIs(StatusCode::kInvalidArgument, HasSubstr("sampled")));
  label.sampled = true;
  label.requests = 0.5F;
  EXPECT_THAT(cache_->Label(label), StatusIs(StatusCode::kInvalidArgument, HasSubstr("requests")));
  label = Verdict(false);
  label.source = static_cast<LabelSource>(9);
  EXPECT_THAT(cache_->Label(label), StatusIs(StatusCode::kInvalidArgument, HasSubstr("source")));
  EXPECT_EQ(Ask().kind, HitKind::kSemantic);
}

TEST_F(LabelTest, StaysWhenTheEmbedderChanges) {
  RegisterScriptedEmbedder();
  EmbedderScript::Get().Reset();
  NamespaceConfig config;
  config.embedder = ScriptedSpec("old");
  config.threshold = 0.9F;
  ASSERT_THAT(db_->CreateNamespace("embedded", config), IsOk());
  cache_ = *db_->Cache("embedded");
  const EntryId id = cache_->Store(Request("slot~stored", {}))->id;
  const auto label = [&](std::string_view slot, bool serves) {
    EXPECT_THAT(cache_->Label({.prompt = {.scope = "s", .slot = slot},
                               .id = id,
                               .serves = serves,
                               .source = LabelSource::kReview}),
                IsOk());
  };
  label("slot~wrong", false);
  label("far away", true);
  for (const char* model : {"new", "newer"}) {
    NamespaceUpdate update;
    update.embedder = ScriptedSpec(model);
    update.reembed = true;
    ASSERT_THAT(db_->UpdateNamespace("embedded", update), IsOk());
    ASSERT_THAT(db_->RunMaintenance(), IsOk());
    ASSERT_EQ(db_->DescribeNamespace("embedded")->embedder_identity,
              std::string("scripted/") + model);
    EXPECT_EQ(Find("slot~wrong", {}).miss_reason, MissReason::kLabelled);
    EXPECT_EQ(Find("far away", {}).id, id);
    EXPECT_EQ(Find("slot~right", {}).kind, HitKind::kSemantic);
    EXPECT_EQ(Find("slot~stored", {}).kind, HitKind::kExact);
  }
}

}  // namespace
}  // namespace nearhit
