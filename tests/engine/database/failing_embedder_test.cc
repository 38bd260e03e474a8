// An embedder that fails: what lookups and stores make of it.
#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nearhit/database.h"
#include "tests/engine/database/open_database.h"
#include "tests/engine/database/scripted_embedder.h"
#include "tests/support/no_deadline.h"
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

  LookupResult Lookup(std::string_view slot, bool non_blocking = false) {
    const auto result =
        cache_->Lookup({.scope = "", .slot = slot, .vector = {}}, {.non_blocking = non_blocking});
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
  NamespaceStats Stats() { return db_->DescribeNamespace("c")->stats; }
  static bool Has(EmbedderScript::Texts texts, std::string_view beginning) {
    return std::any_of(texts.begin(), texts.end(),
                       [beginning](std::string_view text) { return text.starts_with(beginning); });
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
  EXPECT_THAT(cache_->Lookup({.scope = "", .slot = "text", .vector = {}}, {.non_blocking = true}),
              StatusIs(StatusCode::kWouldBlock));
  FailUntilItIsKnown();
  EXPECT_EQ(Lookup("text", /*non_blocking=*/true).miss_reason, MissReason::kEmbedFailed);
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

TEST_F(FailingEmbedderTest, AStoredPromptKeepsItsVectorWhileItIsDown) {
  EXPECT_TRUE(Store("text").has_vector);
  down_ = true;
  EXPECT_TRUE(Store("text").has_vector);
  down_ = false;
  EXPECT_EQ(Lookup("text~").kind, HitKind::kSemantic);
}

TEST_F(FailingEmbedderTest, MaintenanceMakesTheVectorsOnceItIsBack) {
  down_ = true;
  const EntryId id = Store("text").id;
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(Stats().entries_without_vector, 1U);
  const std::uint64_t bytes = Stats().bytes;
  down_ = false;
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(Stats().entries_without_vector, 0U);
  EXPECT_EQ(Stats().bytes, bytes + kScriptedDimension * sizeof(float));
  const LookupResult found = Lookup("text~");
  EXPECT_EQ(found.kind, HitKind::kSemantic);
  EXPECT_EQ(found.id, id);
  EXPECT_THAT(cache_->Get(id)->vector, IsVectorOf("model", "text"));
}

TEST_F(FailingEmbedderTest, MaintenanceDoesNotAskAgainForATextThatIsRefused) {
  EmbedderScript::Get().SetHook([this](const std::string&, EmbedderScript::Texts texts) {
    ++asked_;
    return down_                   ? Unavailable("down")
           : Has(texts, "refused") ? InvalidArgument("too long")
                                   : Status();
  });
  down_ = true;
  Store("refused");
  Store("text");
  down_ = false;
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(Stats().entries_without_vector, 1U);
  EXPECT_EQ(Lookup("text~").kind, HitKind::kSemantic);
  EXPECT_FALSE(Store("refused, too").has_vector);
  asked_ = 0;
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ(Stats().entries_without_vector, 2U);
}

// The endpoint has an error of its own for one text.
TEST_F(FailingEmbedderTest, ATextThatBreaksItKeepsNoOthersFromTheirVectors) {
  EmbedderScript::Get().SetHook([this](const std::string&, EmbedderScript::Texts texts) {
    return down_ || Has(texts, "breaks") ? Unavailable("broken") : Status();
  });
  std::vector<std::string> slots = {"breaks"};
  for (int i = 0; i < 100; ++i) {
    slots.push_back("text " + std::to_string(i));
  }
  std::vector<StoreRequest> requests(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    requests[i].prompt.slot = slots[i];
    requests[i].answer = "answer";
  }
  down_ = true;
  ASSERT_THAT(cache_->StoreBatch(requests), IsOk());
  down_ = false;
  for (int round = 0; round < 50; ++round) {
    ASSERT_THAT(db_->RunMaintenance(), IsOk());
  }
  EXPECT_EQ(Stats().entries_without_vector, 1U);
  EXPECT_EQ(Lookup("text 7~").kind, HitKind::kSemantic);
}

TEST_F(FailingEmbedderTest, ATextThatIsRefusedTakesNoOthersVector) {
  EmbedderScript::Get().SetHook([](const std::string&, EmbedderScript::Texts texts) {
    return Has(texts, "refused") ? InvalidArgument("too long") : Status();
  });
  std::vector<std::string> slots(40);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i] = i == 30 ? "refused" : "text " + std::to_string(i);
  }
  std::vector<StoreRequest> requests(slots.size());
  std::vector<std::string> reworded(slots.size());
  std::vector<Prompt> prompts(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    requests[i].prompt.slot = slots[i];
    requests[i].answer = "answer";
    reworded[i] = slots[i] + "~";
    prompts[i].slot = reworded[i];
  }
  const auto stored = cache_->StoreBatch(requests);
  ASSERT_THAT(stored, IsOk());
  const auto found = cache_->LookupBatch(prompts, {});
  ASSERT_THAT(found, IsOk());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    EXPECT_EQ((*stored)[i].has_vector, i != 30) << i;
    EXPECT_EQ((*found)[i].kind, i == 30 ? HitKind::kMiss : HitKind::kSemantic) << i;
  }
  EXPECT_EQ((*found)[30].miss_reason, MissReason::kTextNotRead);
  EXPECT_EQ(Stats().embed_failures, 0U);
  EXPECT_EQ(Stats().texts_not_read, 2U);
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

// Its vectors are shorter than it says.
class ShortEmbedder final : public Embedder {
 public:
  std::string_view identity() const override { return "short"; }
  std::size_t dimension() const override { return kScriptedDimension; }
  bool may_block() const override { return false; }
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point) const override {
    return std::vector<float>(texts.size(), 1.0F);
  }
};

TEST_F(FailingEmbedderTest, OneThatGivesTooFewFloatsHasFailed) {
  RegisterEmbedder("short",
                   [](const EmbedderSpec&, std::size_t) -> Result<std::shared_ptr<const Embedder>> {
                     return std::shared_ptr<const Embedder>(std::make_shared<ShortEmbedder>());
                   });
  NamespaceConfig config = CacheConfig(kScriptedDimension);
  config.embedder.kind = "short";
  ASSERT_THAT(db_->CreateNamespace("short", config), IsOk());
  cache_ = *db_->Cache("short");
  EXPECT_FALSE(Store("text").has_vector);
  EXPECT_EQ(Lookup("other").miss_reason, MissReason::kEmbedFailed);
  const std::string_view text = "text";
  EXPECT_THAT(db_->Embed("short", {&text, 1}, kNoDeadline), StatusIs(StatusCode::kInternal));
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
