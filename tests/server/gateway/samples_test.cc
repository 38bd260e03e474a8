// Requests that are compared with what is stored, and the labels that come of it.
#include <string>
#include <vector>

#include "tests/server/gateway/compared_fixture.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;
using testing::Not;

class SamplesTest : public ComparedTest {
 protected:
  // Asks the first prompt, then this one.
  GatewayReply AskBoth(const std::string& second = kSecond) {
    EXPECT_EQ(Post(kChat, ChatRequest(kFirst)).reason(), "empty");
    return Post(kChat, ChatRequest(second));
  }
  // Of an answer that follows another: 1 right, 0 wrong, -1 no label.
  int LabelOf(const std::string& stored, const std::string& fresh, float same_answer = 0.9F) {
    ServeTexts({stored, fresh}, [same_answer](GatewayOptions* options) {
      options->sample = 1;
      options->same_answer = same_answer;
    });
    EXPECT_EQ(AskBoth().reason(), "sampled");
    const PolicyReport report = Report();
    const auto labels = report.labels[static_cast<std::size_t>(LabelSource::kShadow)];
    EXPECT_EQ(Decisions().size(), 1U);
    EXPECT_EQ(Decisions()[0].contains("label"), labels == 1);
    const int label = labels == 0 ? -1 : (report.refused_pairs == 0 ? 1 : 0);
    TearDown();
    return label;
  }
};

TEST_F(SamplesTest, ASampledHitGoesUpstreamAndTheSameAnswerIsRight) {
  ServeTexts({"In  the @1 drawer.", "In the @1 drawer.\\n"}, Sampling(1));
  const GatewayReply reply = AskBoth();
  EXPECT_EQ(reply.how(), "miss");
  EXPECT_EQ(reply.reason(), "sampled");
  EXPECT_EQ(reply.Header("x-nearhit-similarity"), "0.9848");
  EXPECT_EQ(reply.body, ChatBody("In the @1 drawer.\\n"));
  const PolicyReport report = Report();
  EXPECT_EQ(Labels(LabelSource::kShadow), 1U);
  EXPECT_EQ(report.refused_pairs, 0U);
  EXPECT_EQ(report.aliases, 0U) << "nobody has read it";
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_GT(Report().judged_requests, 0) << "it counts in the bound";
  const auto decisions = Decisions();
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(decisions[0].at("label").at("serves"), true);
  EXPECT_EQ(decisions[0].at("label").at("source"), "shadow");
  EXPECT_THAT(Metrics(),
              HasSubstr(R"(nearhit_gateway_labels_total{source="shadow",verdict="right"} 1)"));
  EXPECT_EQ(Post(kChat, ChatRequest(kSecond)).how(), "exact") << "exact hits are not compared";
}

TEST_F(SamplesTest, WhereTheProviderFailsASampledHitIsServed) {
  ServeTexts({"In the drawer. @0"}, Sampling(1));  // and 500 after that
  const GatewayReply reply = AskBoth();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.how(), "semantic");
  EXPECT_EQ(reply.body, ChatBody("In the drawer. @0"));
  EXPECT_EQ(Labels(LabelSource::kShadow), 0U);
}

TEST_F(SamplesTest, AnotherAnswerIsWrongAndThePairIsNotServedAgain) {
  ServeTexts({"In the drawer. @0", "Nobody has it. @80"}, Sampling(1));
  EXPECT_EQ(AskBoth().reason(), "sampled");
  EXPECT_EQ(Labels(LabelSource::kShadow), 1U);
  EXPECT_EQ(Report().refused_pairs, 1U);
  EXPECT_EQ(Decisions()[0].at("label").at("serves"), false);
  EXPECT_THAT(Metrics(),
              HasSubstr(R"(nearhit_gateway_labels_total{source="shadow",verdict="wrong"} 1)"));
}

TEST_F(SamplesTest, SimilarityDecidesBetweenOtherTexts) {
  EXPECT_EQ(LabelOf("Yes. @0", "Sure. @20"), 1);         // 0.94
  EXPECT_EQ(LabelOf("Yes. @0", "Sure. @20", 0.95F), 0);  // the same pair
  EXPECT_EQ(LabelOf("Yes. @0", "Sure. @30"), 0);         // 0.87
  EXPECT_EQ(LabelOf("Yes. @0", "Sure. @fail"), -1) << "the embedder did not say";
}

TEST_F(SamplesTest, LongAnswersAreComparedByTheirBeginnings) {
  const std::string rest(2'000, 'x');
  EXPECT_EQ(LabelOf("Yes. @0 " + rest, "Sure. @20 " + rest), 1);
  EXPECT_EQ(LabelOf("Yes. @0 " + rest, "Sure. @40 " + rest), 0);
  EXPECT_EQ(LabelOf("Yes. @0 " + rest + "one", "Yes. @0 " + rest + "two"), 0)
      << "what differs is in no beginning that is read";
}

TEST_F(SamplesTest, ASampledMissIsComparedWithWhatCameNearest) {
  for (const bool same : {true, false}) {
    UseBudget();
    ServeTexts({"In the drawer. @0", same ? "In the drawer. @0" : "Nobody has it. @80"},
               Sampling(1));
    const GatewayReply reply = AskBoth(kThird);
    EXPECT_EQ(reply.reason(), "over_budget");
    EXPECT_EQ(Labels(LabelSource::kShadow), 1U);
    EXPECT_EQ(Report().refused_pairs, same ? 0U : 1U);
    const auto decisions = Decisions();
    ASSERT_EQ(decisions.size(), 1U);
    EXPECT_EQ(decisions[0].at("kind"), "miss");
    EXPECT_EQ(decisions[0].at("matched"), kFirst);
    EXPECT_EQ(decisions[0].at("label").at("serves"), same);
    ASSERT_THAT(db_->RunMaintenance(), IsOk());
    EXPECT_GT(Report().judged_requests, 0);
    TearDown();
  }
}

TEST_F(SamplesTest, WithoutASampleNothingIsCompared) {
  for (const bool budget : {false, true}) {
    config_.max_error = budget ? 0.0025F : 0;
    ServeTexts({"In the drawer. @0", "In the drawer. @0"}, Sampling(0));
    EXPECT_EQ(AskBoth(budget ? kThird : kSecond).how(), budget ? "miss" : "semantic");
    EXPECT_EQ(calls(), budget ? 2U : 1U);
    EXPECT_EQ(Labels(LabelSource::kShadow), 0U);
    EXPECT_TRUE(Decisions().empty());
    EXPECT_THAT(Metrics(), Not(HasSubstr("nearhit_gateway_labels_total{")));
    TearDown();
  }
}

TEST_F(SamplesTest, AShareOfTheHitsIsCompared) {
  constexpr std::size_t kHits = 200;
  ServeTexts(std::vector<std::string>(1 + kHits, "In the drawer. @0"), Sampling(0.25F));
  Post(kChat, ChatRequest(kFirst));
  for (std::size_t i = 0; i < kHits; ++i) {
    Post(kChat, ChatRequest("Question " + std::to_string(i) + " @1"));
  }
  const std::size_t compared = calls() - 1;
  EXPECT_GT(compared, kHits / 8);
  EXPECT_LT(compared, kHits / 2);
  EXPECT_EQ(Labels(LabelSource::kShadow), compared);
}

TEST_F(SamplesTest, WhatMustComeFromTheCacheIsServed) {
  ServeTexts({"In the drawer. @0"}, Sampling(1));
  Post(kChat, ChatRequest(kFirst));
  EXPECT_EQ(Send("POST", kChat, ChatRequest(kSecond),
                 {{.name = "cache-control", .value = "only-if-cached"}})
                .how(),
            "semantic");
  EXPECT_EQ(calls(), 1U);
}

TEST_F(SamplesTest, AnAnswerThatIsNotStoredIsNoLabel) {
  Serve(
      [](const FakeHttpRequest&, std::size_t index) {
        std::string body = ChatBody("In the drawer. @0");
        body.replace(body.find("stop"), 4, index == 0 ? "stop" : "length");
        return Json(body, index == 2 ? 500 : 200);
      },
      Sampling(1));
  EXPECT_EQ(AskBoth().reason(), "sampled");
  EXPECT_EQ(Post(kChat, ChatRequest(kSecond)).how(), "semantic") << "the provider failed";
  EXPECT_EQ(Labels(LabelSource::kShadow), 0U);
  EXPECT_EQ(Decisions().size(), 1U);
  EXPECT_EQ(Decisions()[0].at("agreement"), "unknown");
}

TEST_F(SamplesTest, AnEntryThatIsNoAnswerIsNoLabel) {
  UseBudget();
  ServeTexts({"In the drawer. @0", "In the drawer. @0"}, Sampling(1));
  const GatewayReply first = Post(kChat, ChatRequest(kFirst));
  const std::string feedback =
      R"({"request_id":")" + first.Header("x-nearhit-request-id") + R"(","verdict":"wrong"})";
  ASSERT_EQ(Post("/nearhit/v1/feedback", feedback).status, 200);
  EXPECT_EQ(Post(kChat, ChatRequest(kThird)).reason(), "over_budget");
  EXPECT_EQ(Labels(LabelSource::kShadow), 0U);
  EXPECT_EQ(Decisions()[0].at("agreement"), "unknown");
}

TEST_F(SamplesTest, TheShadowModeLabelsAllThatIsNear) {
  for (const bool budget : {false, true}) {
    config_.max_error = budget ? 0.0025F : 0;
    ServeTexts({"In the drawer. @0", "Nobody has it. @80", "Nobody. @80"},
               [](GatewayOptions* options) { options->shadow = true; });
    EXPECT_EQ(AskBoth(budget ? kThird : kSecond).reason(), budget ? "over_budget" : "shadow");
    EXPECT_EQ(Labels(LabelSource::kShadow), 1U);
    EXPECT_EQ(Report().refused_pairs, 1U);
    ASSERT_THAT(db_->RunMaintenance(), IsOk());
    EXPECT_GT(Report().judged_requests, 0);
    EXPECT_EQ(Post(kChat, ChatRequest(budget ? kThird : kSecond)).reason(), "shadow");
    EXPECT_EQ(Labels(LabelSource::kShadow), 1U) << "an exact hit has no label";
    const auto decisions = Decisions();
    ASSERT_EQ(decisions.size(), 2U);
    EXPECT_EQ(decisions[0].at("kind"), "exact");
    EXPECT_FALSE(decisions[0].contains("label"));
    EXPECT_EQ(decisions[1].at("label").at("serves"), false);
    TearDown();
  }
}

// What a label has decided was not drawn from the requests that had something near.
TEST_F(SamplesTest, AnAliasIsServed) {
  ServeTexts({"In the drawer. @0", "In the drawer. @0"}, Sampling(1));
  AskBoth();
  const auto cache = *db_->Cache("gateway");
  const auto page = cache->Scan({}, 10);
  ASSERT_THAT(page, IsOk());
  ASSERT_EQ(page->entries.size(), 2U);
  ASSERT_EQ(page->entries[1].slot, kSecond);
  ASSERT_THAT(cache->Label({.prompt = {.scope = page->entries[0].scope, .slot = kSecond},
                            .id = page->entries[0].id,
                            .serves = true,
                            .source = LabelSource::kJudge}),
              IsOk());
  ASSERT_THAT(cache->Delete(page->entries[1].id, Durability::kDefault), IsOk());
  EXPECT_EQ(Post(kChat, ChatRequest(kSecond)).how(), "semantic");
  EXPECT_EQ(calls(), 2U);
}

}  // namespace
}  // namespace nearhit::server
