// What callers say about answers, over real sockets.
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "nearhit/label.h"
#include "tests/server/gateway/gateway_fixture.h"
#include "tests/support/temp_dir.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

constexpr char kStored[] = "How do I reset my password?";
constexpr char kAsked[] = "how do i reset my password";

class FeedbackTest : public GatewayTest {
 protected:
  void ServeNumbered(const std::function<void(GatewayOptions*)>& change = {}) {
    Serve([](const FakeHttpRequest&,
             std::size_t index) { return Json(ChatBody("Answer " + std::to_string(index) + ".")); },
          change);
  }

  // The request's id, of an answer by meaning.
  std::string AskNear(const std::vector<HttpHeader>& headers = {}) {
    Post(kChat, ChatRequest(kStored), headers);
    const GatewayReply hit = Post(kChat, ChatRequest(kAsked), headers);
    EXPECT_EQ(hit.how(), "semantic");
    return hit.Header("x-nearhit-request-id");
  }

  GatewayReply Say(const std::string& id, const std::string& verdict,
                   const std::vector<HttpHeader>& headers = {}) {
    return Post("/nearhit/v1/feedback",
                R"({"request_id":")" + id + R"(","verdict":")" + verdict + "\"}", headers);
  }

  PolicyReport Report() { return *(*db_->Cache("gateway"))->Policy(); }
};

TEST_F(FeedbackTest, AnAnswerThatWasWrongDoesNotServeThatPromptAgain) {
  const TempDir folder;
  path_ = folder.path();
  ServeNumbered();
  const std::string id = AskNear();
  EXPECT_EQ(Say("req_0", "wrong").status, 404);
  EXPECT_EQ(Say(id, "bad").status, 400);
  const GatewayReply said = Say(id, "wrong");
  EXPECT_EQ(said.status, 200) << said.body;
  EXPECT_THAT(said.body, HasSubstr(R"("verdict":"wrong")"));
  Restart();
  const GatewayReply next = Post(kChat, ChatRequest(kAsked, R"(,"stop":"x")"));
  EXPECT_EQ(next.reason(), "empty") << "another scope";
  const GatewayReply refused = Send("POST", kChat, ChatRequest(kAsked),
                                    {{.name = "cache-control", .value = "only-if-cached"}});
  EXPECT_EQ(refused.status, 504) << "the label is still there";
  const GatewayReply anew = Post(kChat, ChatRequest(kAsked));
  EXPECT_EQ(anew.how(), "miss");
  EXPECT_EQ(anew.reason(), "labelled");
  EXPECT_EQ(Post(kChat, ChatRequest(kAsked)).body, ChatBody("Answer 2."));
  EXPECT_EQ(Post(kChat, ChatRequest(kStored)).body, ChatBody("Answer 0."))
      << "the entry itself was right";
  EXPECT_EQ(Report().labels[0], 1U);
  Close();
}

TEST_F(FeedbackTest, AWrongAnswerIsRefusedAtOnce) {
  ServeNumbered();
  const std::string id = AskNear();
  EXPECT_EQ(Say(id, "wrong").status, 200);
  const GatewayReply next = Post(kChat, ChatRequest(kAsked));
  EXPECT_EQ(next.how(), "miss");
  EXPECT_EQ(next.reason(), "labelled");
  EXPECT_EQ(Report().refused_pairs, 1U);
  EXPECT_THAT(Send("GET", "/metrics", "").body,
              HasSubstr(R"(nearhit_gateway_labels_total{source="feedback",verdict="wrong"} 1)"));
}

TEST_F(FeedbackTest, ARightAnswerGoesOnServing) {
  ServeNumbered();
  const std::string id = AskNear();
  EXPECT_EQ(Say(id, "right").status, 200);
  const PolicyReport report = Report();
  EXPECT_EQ(report.labels[0], 1U);
  EXPECT_EQ(report.aliases, 0U);
  EXPECT_EQ(Post(kChat, ChatRequest(kAsked)).body, ChatBody("Answer 0."));
  EXPECT_EQ(calls(), 1U);
}

TEST_F(FeedbackTest, OfAnExactAnswerItIsAboutThePromptAlone) {
  ServeNumbered();
  Post(kChat, ChatRequest(kStored));
  const GatewayReply hit = Post(kChat, ChatRequest(kStored));
  ASSERT_EQ(hit.how(), "exact");
  EXPECT_EQ(Say(hit.Header("x-nearhit-request-id"), "wrong").status, 200);
  EXPECT_EQ(Post(kChat, ChatRequest(kStored)).reason(), "feedback");
  EXPECT_EQ(Report().labels[0], 0U);
}

TEST_F(FeedbackTest, ItIsHeardThoughAReviewSaysTheContrary) {
  ServeNumbered();
  const std::string id = AskNear();
  const GatewayReply hit = Post(kChat, ChatRequest(kAsked));
  LabelRequest review;
  const auto explained =
      nlohmann::json::parse(Send("GET", "/nearhit/v1/explain?request_id=" + id, "").body);
  const std::string scope = explained.at("scope");
  review.prompt = {.scope = scope, .slot = kAsked};
  review.id = EntryId{std::stoull(hit.Header("x-nearhit-entry-id"))};
  review.serves = true;
  review.source = LabelSource::kReview;
  ASSERT_THAT((*db_->Cache("gateway"))->Label(review), IsOk());
  EXPECT_EQ(Say(id, "wrong").status, 200);
  EXPECT_EQ(Post(kChat, ChatRequest(kAsked)).reason(), "feedback");
}

TEST_F(FeedbackTest, IsGivenByThoseWhoAsked) {
  ServeNumbered([](GatewayOptions* options) { options->isolation = Isolation::kShared; });
  const std::vector<HttpHeader> one = {{.name = "authorization", .value = "Bearer one"}};
  const std::vector<HttpHeader> two = {{.name = "authorization", .value = "Bearer two"}};
  const std::string id = AskNear(one);
  for (const std::string verdict : {"wrong", "right"}) {
    EXPECT_EQ(Say(id, verdict, two).status, 404);
    EXPECT_EQ(Say(id, verdict).status, 404);
  }
  EXPECT_EQ(Report().labels[0], 0U);
  EXPECT_EQ(Say(id, "wrong", one).status, 200);
  EXPECT_EQ(Report().labels[0], 1U);
}

TEST_F(FeedbackTest, AnEntryThatIsGoneDoesNotServeAnewEither) {
  ServeNumbered();
  const std::string id = AskNear();
  InvalidateRequest all;
  all.all = true;
  ASSERT_THAT((*db_->Cache("gateway"))->Invalidate(all), IsOk());
  EXPECT_EQ(Say(id, "right").status, 404);
  EXPECT_EQ(Say(id, "wrong").status, 200);
  Post(kChat, ChatRequest(kStored));
  EXPECT_EQ(Post(kChat, ChatRequest(kAsked)).reason(), "feedback");
}

TEST_F(FeedbackTest, ACallerThatSaysTooMuchHasToWait) {
  for (const Isolation isolation : {Isolation::kCaller, Isolation::kShared}) {
    ServeNumbered([isolation](GatewayOptions* options) { options->isolation = isolation; });
    const std::vector<HttpHeader> one = {{.name = "authorization", .value = "Bearer one"}};
    const std::vector<HttpHeader> two = {{.name = "authorization", .value = "Bearer two"}};
    const std::string id = AskNear(one);
    int said = 0;
    GatewayReply reply;
    while (said < 10 * kFeedbackBurst) {
      reply = Say(id, "right", one);
      if (reply.status != 200) {
        break;
      }
      ++said;
    }
    EXPECT_GE(said, kFeedbackBurst);
    EXPECT_EQ(reply.status, 429) << reply.body;
    EXPECT_THAT(reply.body, HasSubstr("RESOURCE_EXHAUSTED"));
    EXPECT_EQ(Say(AskNear(two), "right", two).status, 200)
        << "another caller has its own allowance";
    TearDown();
  }
}

}  // namespace
}  // namespace nearhit::server
