// Lookups by threads that must not wait, and what is left of them for those that may.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nearhit/database.h"
#include "tests/engine/database/open_database.h"
#include "tests/engine/database/scripted_embedder.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

class PendingLookupTest : public DatabaseTest {
 protected:
  PendingLookupTest() {
    RegisterScriptedEmbedder();
    EmbedderScript::Get().Reset([this](const std::string&, EmbedderScript::Texts) {
      ++asked_;
      return Status();
    });
    NamespaceConfig config = CacheConfig(kScriptedDimension);
    config.embedder = ScriptedSpec("model");
    cache_ = NewCache(config);
    Store("stored~1");
    asked_ = 0;
  }
  void TearDown() override { EmbedderScript::Get().Reset(); }

  void Store(std::string_view slot) {
    StoreRequest request;
    request.prompt = {.scope = "s", .slot = slot, .vector = {}};
    request.answer = "answer";
    ASSERT_THAT(cache_->Store(request), IsOk());
  }
  Result<LookupResult> Try(std::string_view slot, const LookupOptions& options = {}) {
    return cache_->TryLookup({.scope = "s", .slot = slot, .vector = {}}, options, &rest_);
  }
  std::uint64_t Lookups() {
    const NamespaceStats stats = db_->DescribeNamespace("c")->stats;
    return stats.exact_hits + stats.semantic_hits + stats.misses;
  }

  std::atomic<int> asked_{0};
  std::shared_ptr<SemanticCache> cache_;
  std::unique_ptr<PendingLookup> rest_;
};

TEST_F(PendingLookupTest, WhatNeedsNoWaitIsAnsweredAtOnce) {
  const auto exact = Try("stored~1");
  ASSERT_THAT(exact, IsOk());
  EXPECT_EQ(exact->kind, HitKind::kExact);
  const auto miss = Try("other", {.exact_only = true});
  ASSERT_THAT(miss, IsOk());
  EXPECT_EQ(miss->miss_reason, MissReason::kBelowThreshold);
  EXPECT_EQ(rest_, nullptr);
  EXPECT_EQ(Lookups(), 2U);
}

TEST_F(PendingLookupTest, TheRestGoesOnAtTheEmbedder) {
  EXPECT_THAT(Try("stored~2"), StatusIs(StatusCode::kWouldBlock));
  ASSERT_NE(rest_, nullptr);
  EXPECT_TRUE(rest_->waits_for_embedder());
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ(Lookups(), 0U);
  Store("stored~2");  // after its exact tier
  asked_ = 0;
  const auto result = rest_->Finish();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->kind, HitKind::kSemantic);
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(Lookups(), 1U);
}

TEST_F(PendingLookupTest, AVectorThatIsKeptNeedsNoOtherThread) {
  EmbedderScript::Get().Keep("stored~2");
  const auto result = Try("stored~2", {.explain = true});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->kind, HitKind::kSemantic);
  EXPECT_TRUE(result->trace->embedded);
  EXPECT_EQ(asked_, 0);
}

TEST_F(PendingLookupTest, OnOtherContentsItBeginsAgain) {
  EXPECT_THAT(Try("stored~2", {.explain = true}), StatusIs(StatusCode::kWouldBlock));
  NamespaceUpdate update;
  update.embedder = ScriptedSpec("other");
  update.reembed = true;
  ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  ASSERT_EQ(db_->DescribeNamespace("c")->embedder_identity, "scripted/other");
  const auto result = rest_->Finish();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->kind, HitKind::kSemantic);
  EXPECT_TRUE(result->trace->scope_found);
}

TEST_F(PendingLookupTest, ANamespaceThatIsDroppedMeanwhileIsAnError) {
  EXPECT_THAT(Try("stored~2"), StatusIs(StatusCode::kWouldBlock));
  ASSERT_THAT(db_->DropNamespace("c"), IsOk());
  EXPECT_THAT(rest_->Finish(), StatusIs(StatusCode::kNotFound));
}

TEST_F(PendingLookupTest, WhereAWaitIsAllowedAnEmbedderThatRefusesToIsAMiss) {
  EmbedderScript::Get().SetHook(
      [](const std::string&, EmbedderScript::Texts) { return WouldBlock("of the embedder"); });
  EXPECT_THAT(Try("stored~2"), StatusIs(StatusCode::kWouldBlock));
  const auto result = rest_->Finish();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->miss_reason, MissReason::kEmbedFailed);
}

TEST_F(PendingLookupTest, ABadPromptHasNoRest) {
  EXPECT_THAT(Try(""), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_EQ(rest_, nullptr);
}

}  // namespace
}  // namespace nearhit
