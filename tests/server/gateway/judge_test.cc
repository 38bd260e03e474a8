// The judge: what it is asked, and what becomes of its verdicts.
#include <chrono>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "server/gateway/judge_prompt.h"
#include "server/gateway/judge_queue.h"
#include "tests/server/gateway/compared_fixture.h"
#include "tests/support/temp_dir.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;
using testing::Not;

class JudgeTest : public ComparedTest {
 protected:
  // All are compared; every answer is at `degrees` from that to the first prompt.
  void ServeJudged(Handler judge, int degrees,
                   const std::function<void(JudgeOptions*)>& change = {}) {
    judge_ = std::make_unique<FakeHttpServer>(std::move(judge));
    Serve(
        [degrees](const FakeHttpRequest& request, std::size_t) {
          return Json(ChatBody(request.body.find(kFirst) == std::string::npos
                                   ? "It is there. @" + std::to_string(degrees)
                                   : "In the drawer. @0"));
        },
        [this, change](GatewayOptions* options) {
          options->sample = 1;
          options->judge = {.url = judge_->url() + "/v1", .model = "small"};
          if (change) {
            change(&options->judge);
          }
        });
    Post(kChat, ChatRequest(kFirst));
  }
  // Makes so many pairs, each in a scope of its own.
  void AskPairs(int pairs) {
    for (int i = 0; i < pairs; ++i) {
      const std::string scope = R"(,"seed":)" + std::to_string(i);
      Post(kChat, ChatRequest(kFirst, scope));
      EXPECT_EQ(Post(kChat, ChatRequest(kSecond, scope)).reason(), "sampled");
    }
  }
  static Handler Saying(const std::string& text) {
    return [text](const FakeHttpRequest&, std::size_t) { return Json(ChatBody(text)); };
  }
  void WaitForMetric(const std::string& line) {
    EXPECT_TRUE(Eventually([&] { return Metrics().find(line + "\n") != std::string::npos; }))
        << line << "\n"
        << Metrics();
  }
  // Nothing else has been said.
  void ExpectShadowLabel(bool serves) {
    EXPECT_EQ(Labels(LabelSource::kShadow), 1U);
    EXPECT_EQ(Labels(LabelSource::kJudge), 0U);
    EXPECT_EQ(Report().refused_pairs, serves ? 0U : 1U);
  }
  void ExpectJudgeLabel(bool serves) {
    ASSERT_TRUE(Eventually([this] { return Labels(LabelSource::kJudge) == 1; }));
    EXPECT_EQ(Labels(LabelSource::kShadow), 0U) << "the pair has one label";
    EXPECT_EQ(Report().refused_pairs, serves ? 0U : 1U);
    EXPECT_EQ(Report().aliases, serves ? 1U : 0U);
  }

  void TearDown() override {
    ComparedTest::TearDown();
    judge_.reset();
  }

  std::unique_ptr<FakeHttpServer> judge_;
};

TEST_F(JudgeTest, DecidesWhatSimilarityLeavesOpen) {
  ServeJudged(Saying("```json\\n{\\\"serves\\\": true}\\n```"), 37);  // 0.80
  EXPECT_EQ(Post(kChat, ChatRequest(kSecond)).reason(), "sampled");
  ExpectJudgeLabel(true);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_GT(Report().judged_requests, 0) << "it counts in the bound";
  ASSERT_TRUE(Eventually([this] { return Decisions()[0].at("label").at("source") == "judge"; }));
  EXPECT_EQ(Decisions()[0].at("label").at("serves"), true);
  WaitForMetric(R"(nearhit_judge_calls_total{outcome="right"} 1)");
  EXPECT_THAT(Metrics(),
              HasSubstr(R"(nearhit_gateway_labels_total{source="judge",verdict="right"} 1)"));

  const FakeHttpRequest asked = judge_->requests().at(0);
  EXPECT_EQ(asked.target, "/v1/chat/completions");
  EXPECT_EQ(asked.headers.count("authorization"), 0U);
  const auto body = nlohmann::json::parse(asked.body);
  EXPECT_EQ(body.at("model"), "small");
  const auto pair = nlohmann::json::parse(body.at("messages")[1].at("content").get<std::string>());
  EXPECT_EQ(pair.at("request"), kSecond);
  EXPECT_EQ(pair.at("stored_answer"), "In the drawer. @0");
  EXPECT_EQ(pair.at("reference_answer"), "It is there. @37");
}

TEST_F(JudgeTest, ItsNoIsAWrongPair) {
  ServeJudged(Saying("No, it does not."), 20);  // 0.94: right by similarity
  Post(kChat, ChatRequest(kSecond));
  ExpectJudgeLabel(false);
  WaitForMetric(R"(nearhit_judge_calls_total{outcome="wrong"} 1)");
}

TEST_F(JudgeTest, IsAskedWhenTheEmbedderDoesNotSay) {
  judge_ = std::make_unique<FakeHttpServer>(Saying("yes"));
  ServeTexts({"In the drawer. @0", "It is there. @fail"}, [this](GatewayOptions* options) {
    options->sample = 1;
    options->judge = {.url = judge_->url(), .model = "small"};
  });
  Post(kChat, ChatRequest(kFirst));
  Post(kChat, ChatRequest(kSecond));
  ExpectJudgeLabel(true);
}

TEST_F(JudgeTest, IsNotAskedWhatIsSure) {
  for (const int degrees : {5, 70}) {  // 0.996, 0.34
    ServeJudged(Saying("yes"), degrees);
    Post(kChat, ChatRequest(kSecond));
    ExpectShadowLabel(degrees == 5);
    ComparedTest::TearDown();
    EXPECT_TRUE(judge_->requests().empty());
  }
}

TEST_F(JudgeTest, WithoutAVerdictTheSimilarityDecides) {
  struct Case {
    FakeHttpAnswer answer;
    std::string outcome;
  };
  FakeHttpAnswer cut{.hang_up = true};
  for (const Case& one :
       {Case{Json(ChatBody("The drawer, I think.")), "unclear"}, Case{Json("not JSON"), "unclear"},
        Case{Json(ChatBody(std::string(70'000, ' ') + "yes")), "unclear"},
        Case{Json(ChatBody("yes"), 500), "failed"}, Case{Json("{}", 429), "failed"},
        Case{cut, "failed"}}) {
    for (const int degrees : {20, 37}) {
      ServeJudged([&one](const FakeHttpRequest&, std::size_t) { return one.answer; }, degrees);
      Post(kChat, ChatRequest(kSecond));
      WaitForMetric("nearhit_judge_calls_total{outcome=\"" + one.outcome + "\"} 1");
      ExpectShadowLabel(degrees == 20);
      TearDown();
    }
  }
}

FakeHttpAnswer Hanging(const FakeHttpRequest&, std::size_t) {
  FakeHttpAnswer answer = Json(ChatBody("yes"));
  answer.delay = std::chrono::minutes(5);
  return answer;
}

TEST_F(JudgeTest, OneThatHangsIsLeft) {
  ServeJudged(&Hanging, 37, [](JudgeOptions* options) { options->timeout_ms = 30; });
  Post(kChat, ChatRequest(kSecond));
  WaitForMetric(R"(nearhit_judge_calls_total{outcome="timeout"} 1)");
  ExpectShadowLabel(false);
}

TEST_F(JudgeTest, OneThatHangsHoldsUpNoShutdown) {
  ServeJudged(&Hanging, 37);
  AskPairs(20);
  ASSERT_TRUE(Eventually([this] { return judge_->requests().size() == Judge::kMostAtOnce; }));
  const auto began = std::chrono::steady_clock::now();
  Close();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST_F(JudgeTest, IsAskedSoOftenADay) {
  ServeJudged(Saying("yes"), 37, [](JudgeOptions* options) { options->per_day = 2; });
  AskPairs(8);
  ASSERT_TRUE(Eventually([this] { return Labels(LabelSource::kJudge) == 2; }));
  EXPECT_EQ(Labels(LabelSource::kJudge) + Labels(LabelSource::kShadow), 8U) << "none is lost";
  Close();
  EXPECT_EQ(judge_->requests().size(), 2U);
}

TEST_F(JudgeTest, ItsKeyGoesToItAndNowhereElse) {
  const TempDir folder;
  const std::string file = (folder.path() / "key").string();
  std::ofstream(file) << "sk-judge\n";
  ServeJudged(Saying("yes"), 37, [&](JudgeOptions* options) { options->api_key_file = file; });
  Post(kChat, ChatRequest(kSecond));
  ExpectJudgeLabel(true);
  EXPECT_EQ(judge_->requests().at(0).headers.at("authorization"), "Bearer sk-judge");
  EXPECT_THAT(Metrics(), Not(HasSubstr("sk-judge")));
  EXPECT_EQ(provider_->requests().back().body.find("sk-judge"), std::string::npos);
}

TEST_F(JudgeTest, AKeyThatIsNotThereIsAnError) {
  ServeJudged(Saying("yes"), 37);
  GatewayOptions options;
  options.listen = "127.0.0.1:0";
  options.upstreams.push_back({.name = "fake", .url = provider_->url()});
  options.judge = {.url = judge_->url(), .model = "m", .api_key_file = "/no/such/file"};
  EXPECT_THAT(Gateway::Start(core_.get(), options, "secret").status(),
              StatusIs(StatusCode::kNotFound, HasSubstr("judge: the file of api_key_file")));
}

TEST(JudgeQueueTest, TheLeastSureComeFirstAndTheSurestGo) {
  JudgeQueue queue;
  for (std::size_t i = 0; i < JudgeQueue::kMost + 10; ++i) {
    const auto sureness = static_cast<float>((i * 37) % 1'100);
    queue.Push({.question = {.asked = std::to_string(sureness)}, .sureness = sureness});
  }
  EXPECT_EQ(queue.size(), JudgeQueue::kMost);
  float last = -1;
  while (const auto pair = queue.Pop()) {
    EXPECT_GE(pair->sureness, last);
    last = pair->sureness;
  }
  EXPECT_LT(last, 1'090);
  EXPECT_EQ(queue.size(), 0U);
}

TEST(JudgeQueueTest, HoldsSoManyBytes) {
  JudgeQueue queue;
  const std::size_t half = JudgeQueue::kMostBytes / 2;
  queue.Push({.question = {.stored = std::string(half, 'x')}, .sureness = 2});
  queue.Push({.sureness = 3, .held_bytes = half});
  EXPECT_EQ(queue.size(), 2U);
  queue.Push({.question = {.asked = "x"}, .sureness = 1});
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.Pop()->sureness, 1);
  EXPECT_EQ(queue.Pop()->sureness, 2);
  queue.Push({.sureness = 1, .held_bytes = JudgeQueue::kMostBytes + 1});
  EXPECT_EQ(queue.size(), 0U);
  queue.Push({.sureness = 1, .held_bytes = JudgeQueue::kMostBytes});
  EXPECT_EQ(queue.size(), 1U) << "what left is not counted any more";
}

TEST(JudgeBudgetTest, IsOfAnyDay) {
  const JudgeBudget::TimePoint start{std::chrono::hours(1)};
  const auto hour = [start](int hours) { return start + std::chrono::hours(hours); };
  JudgeBudget budget(2);
  EXPECT_LE(budget.FreeAt(hour(0)), hour(0));
  budget.Take(hour(0));
  budget.Take(hour(23));
  EXPECT_EQ(budget.FreeAt(hour(23)), hour(24));
  EXPECT_LE(budget.FreeAt(hour(24)), hour(24));
  budget.Take(hour(24));
  EXPECT_EQ(budget.FreeAt(hour(25)), hour(47)) << "the one of hour 23 still counts";
}

TEST(JudgePromptTest, Verdicts) {
  for (const std::string yes :
       {R"({"serves": true})", R"(Sure: {"why":"same","serves":true}.)",
        "```json\n{\"serves\":true}\n```", "yes", " Yes, it does.", "YES", "**Yes**", "\"yes\""}) {
    EXPECT_EQ(ReadVerdict(yes), std::optional(true)) << yes;
  }
  for (const std::string no : {R"({"serves": false})", "No.", "no {it does not}"}) {
    EXPECT_EQ(ReadVerdict(no), std::optional(false)) << no;
  }
  for (const std::string nonsense :
       {"", "{", "}{", "{}", "maybe", "yesterday", "not at all", R"({"serves": "true"})",
        R"({"serves": 1})", R"({"serves": null} yes)", R"([{"serves": true}, {"serves": false}])",
        "It serves: yes", "\xff\xfe"}) {
    EXPECT_EQ(ReadVerdict(nonsense), std::nullopt) << nonsense;
  }
}

TEST(JudgePromptTest, TextsAreDataInTheRequest) {
  const JudgeQuestion question{
      .asked = "\"}], \"model\": \"other\"", .stored = "a\xff", .fresh = "b\n"};
  const auto body = nlohmann::json::parse(JudgeRequestBody("m", question));
  EXPECT_EQ(body.at("model"), "m");
  ASSERT_EQ(body.at("messages").size(), 2U);
  EXPECT_EQ(body.at("messages")[0].at("content"), kJudgeInstructions);
  const std::string text = body.at("messages")[1].at("content");
  EXPECT_EQ(nlohmann::json::parse(text).at("request"), question.asked);
}

}  // namespace
}  // namespace nearhit::server
