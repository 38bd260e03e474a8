// An embedder that fails: what lookups and stores make of it.
#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nearhit/database.h"
#include "tests/engine/database/open_database.h"
#include "tests/engine/database/scripted_embedder.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

constexpr int kFailuresThatTell = 5;

class FailingEmbedderTest : public DatabaseTest {
 protected:
  FailingEmbedderTest() {
    RegisterScriptedEmbedder();
    EmbedderScript::Get().Reset([this](const std::string&, EmbedderScript::Texts) {
      ++asked_;
      return down_ ? Unavailable("down") : Status();
    });
    NamespaceConfig config = CacheConfig(kScriptedDimension);
    config.embedder = ScriptedSpec("model");
    cache_ = NewCache(config);
  }
  void TearDown() override { EmbedderScript::Get().Reset(); }

  LookupResult Lookup(std::string_view slot, bool only_if_fast = false) {
    const auto result =
        cache_->Lookup({.scope = "", .slot = slot, .vector = {}}, {.only_if_fast = only_if_fast});
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *result : LookupResult();
  }
  StoreResult Store(std::string_view slot) {
    StoreRequest request;
    request.prompt.slot = slot;
    request.answer = "answer";
    const auto result = cache_->Store(request);
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *result : StoreResult();
  }
  void FailUntilItIsKnown() {
    down_ = true;
    asked_ = 0;
    for (int i = 0; i < kFailuresThatTell; ++i) {
      EXPECT_EQ(Lookup("text").miss_reason, MissReason::kEmbedFailed);
    }
    EXPECT_EQ(asked_.exchange(0), kFailuresThatTell);
  }

  std::atomic<bool> down_{false};
  std::atomic<int> asked_{0};
  std::shared_ptr<SemanticCache> cache_;
};

TEST_F(FailingEmbedderTest, LookupsDoNotAskOneThatIsDown) {
  FailUntilItIsKnown();
  EXPECT_EQ(Lookup("text").miss_reason, MissReason::kEmbedFailed);
  EXPECT_EQ(asked_, 0);
}

TEST_F(FailingEmbedderTest, LookupsThatMayNotWaitAreAnsweredWhenItIsDown) {
  EXPECT_THAT(cache_->Lookup({.scope = "", .slot = "text", .vector = {}}, {.only_if_fast = true}),
              StatusIs(StatusCode::kUnavailable));
  FailUntilItIsKnown();
  EXPECT_EQ(Lookup("text", /*only_if_fast=*/true).miss_reason, MissReason::kEmbedFailed);
  EXPECT_EQ(asked_, 0);
}

TEST_F(FailingEmbedderTest, ExactHitsGoOn) {
  Store("stored");
  FailUntilItIsKnown();
  EXPECT_EQ(Lookup("stored~").miss_reason, MissReason::kEmbedFailed);
  EXPECT_EQ(Lookup("stored").kind, HitKind::kExact);
}

// Without a vector an entry would be found by its exact text for good.
TEST_F(FailingEmbedderTest, StoresAskAnywayAndEndIt) {
  FailUntilItIsKnown();
  EXPECT_FALSE(Store("first").has_vector);
  EXPECT_EQ(asked_, 1);
  down_ = false;
  EXPECT_TRUE(Store("second").has_vector);
  EXPECT_EQ(Lookup("second~").kind, HitKind::kSemantic);
}

TEST_F(FailingEmbedderTest, PromptsOfABatchThatBringAVectorHaveIt) {
  down_ = true;
  const std::vector<float> vector = ScriptedVector("model", "meaning");
  const std::vector<Prompt> prompts = {{.scope = "", .slot = "brought", .vector = vector},
                                       {.scope = "", .slot = "text", .vector = {}}};
  std::vector<StoreRequest> requests(2);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    requests[i].prompt = prompts[i];
    requests[i].answer = "answer";
  }
  const auto stored = cache_->StoreBatch(requests);
  ASSERT_THAT(stored, IsOk());
  EXPECT_TRUE(stored->at(0).has_vector);
  EXPECT_FALSE(stored->at(1).has_vector);

  const std::vector<Prompt> asked = {{.scope = "", .slot = "other", .vector = vector},
                                     {.scope = "", .slot = "other text", .vector = {}}};
  const auto found = cache_->LookupBatch(asked, {});
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->at(0).kind, HitKind::kSemantic);
  EXPECT_EQ(found->at(1).miss_reason, MissReason::kEmbedFailed);
}

TEST_F(FailingEmbedderTest, OtherSettingsKeepWhatIsKnownOfIt) {
  FailUntilItIsKnown();
  NamespaceUpdate update;
  update.threshold = 0.5F;
  ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  EXPECT_EQ(Lookup("text").miss_reason, MissReason::kEmbedFailed);
  EXPECT_EQ(asked_, 0);
}

TEST_F(FailingEmbedderTest, TheLogTellsWhenItBeginsWhyAndWhenItEnds) {
  Store("stored");
  EXPECT_THAT(log_, testing::IsEmpty());
  FailUntilItIsKnown();
  Lookup("a prompt");
  EXPECT_THAT(log_, testing::ElementsAre("the embedder of namespace c fails: UNAVAILABLE: down"));
  down_ = false;
  Store("a prompt");
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_THAT(log_[1],
              testing::StartsWith("the embedder of namespace c works again, after 5 failures"));
}

TEST_F(FailingEmbedderTest, TheLogTellsOfCallsThatOnlyEmbed) {
  down_ = true;
  const std::vector<std::string_view> texts = {"a text"};
  const auto deadline = std::chrono::steady_clock::time_point::max();
  EXPECT_THAT(db_->Embed("c", texts, deadline), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(log_, testing::ElementsAre(testing::HasSubstr("namespace c fails")));
}

}  // namespace
}  // namespace nearhit
