#include "engine/embedding/http_embedder.h"

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <set>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fake_http_server.h"
#include "tests/support/no_deadline.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kDimension = 2;

// The model of these tests: a text's vector is its size and the number that it ends in, if any.
Json VectorOf(const std::string& text) {
  const char last = text.empty() ? 'x' : text.back();
  return Json::array({text.size(), last >= '0' && last <= '9' ? last - '0' : 0});
}

FakeHttpAnswer Model(const FakeHttpRequest& request) {
  const Json input = Json::parse(request.body)["input"];
  Json data = Json::array();
  for (std::size_t i = 0; i < input.size(); ++i) {
    data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", VectorOf(input[i])}});
  }
  return {.body = Json{{"object", "list"}, {"data", data}}.dump()};
}

FakeHttpAnswer Failure(int status) {
  return {.status = status, .body = R"({"error":"SECRET-ANSWER"})"};
}

FakeHttpServer::Handler Always(FakeHttpAnswer answer) {
  return [answer = std::move(answer)](const FakeHttpRequest&, std::size_t) { return answer; };
}

class HttpEmbedderTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("no_proxy", "127.0.0.1", 1);
    unsetenv("NEARHIT_TEST_KEY");
  }

  void Start(FakeHttpServer::Handler handler) {
    server_ = std::make_unique<FakeHttpServer>(std::move(handler));
    spec_.kind = "http";
    spec_.model = "tiny";
    spec_.url = server_->url() + "/v1/embeddings";
  }
  Result<std::vector<float>> Embed(std::vector<std::string_view> texts,
                                   steady_clock::time_point deadline = kNoDeadline) {
    Result<std::shared_ptr<const Embedder>> embedder = MakeEmbedder(spec_, kDimension);
    return embedder.ok() ? (*embedder)->Embed(texts, deadline) : embedder.status();
  }
  std::size_t RequestCount() const { return server_->requests().size(); }

  EmbedderSpec spec_;
  std::unique_ptr<FakeHttpServer> server_;
};

TEST_F(HttpEmbedderTest, SendsTheTextsAndReadsTheVectors) {
  Start([](const FakeHttpRequest& request, std::size_t) { return Model(request); });
  EXPECT_THAT(Embed({"abc7", "é2"}), IsOkAndHolds(ElementsAre(4, 7, 3, 2)));
  const FakeHttpRequest request = server_->requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/embeddings");
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
  EXPECT_EQ(request.headers.count("authorization"), 0u);
  EXPECT_EQ(Json::parse(request.body),
            Json({{"model", "tiny"}, {"input", {"abc7", "é2"}}, {"encoding_format", "float"}}));
}

TEST_F(HttpEmbedderTest, NamesModelAndDimension) {
  Start(Always({}));
  const auto embedder = MakeEmbedder(spec_, kDimension).value();
  EXPECT_EQ(embedder->identity(), "http/tiny/2");
  EXPECT_EQ(embedder->dimension(), kDimension);
  EXPECT_TRUE(embedder->may_block());
}

TEST_F(HttpEmbedderTest, SplitsIntoBatchesOnOneConnection) {
  Start([](const FakeHttpRequest& request, std::size_t) { return Model(request); });
  spec_.max_batch = 2;
  EXPECT_THAT(Embed({"t0", "t1", "t2", "t3", "t4"}),
              IsOkAndHolds(ElementsAre(2, 0, 2, 1, 2, 2, 2, 3, 2, 4)));
  const auto requests = server_->requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(Json::parse(requests[2].body)["input"], Json::array({"t4"}));
  EXPECT_EQ(requests[2].connection, 0);
}

TEST_F(HttpEmbedderTest, NoTextsSendNothing) {
  Start(Always({}));
  EXPECT_THAT(Embed({}), IsOkAndHolds(testing::IsEmpty()));
  EXPECT_EQ(RequestCount(), 0u);
}

TEST_F(HttpEmbedderTest, PutsVectorsInTheOrderOfTheirIndex) {
  Start(Always(
      {.body = R"({"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2.5]}]})"}));
  EXPECT_THAT(Embed({"a", "b"}), IsOkAndHolds(ElementsAre(1, 2.5, 3, 4)));
}

TEST_F(HttpEmbedderTest, TakesTheOrderOfAnAnswerWithoutIndexes) {
  Start(Always({.body = R"({"data":[{"embedding":[1,2]},{"embedding":[3,4]}]})"}));
  EXPECT_THAT(Embed({"a", "b"}), IsOkAndHolds(ElementsAre(1, 2, 3, 4)));
}

TEST_F(HttpEmbedderTest, RetriesWhatMayPass) {
  for (const int status : {429, 500, 502, 503}) {
    Start([status](const FakeHttpRequest& request, std::size_t index) {
      return index < 2 ? Failure(status) : Model(request);
    });
    EXPECT_THAT(Embed({"a1"}), IsOkAndHolds(ElementsAre(2, 1))) << status;
    EXPECT_EQ(RequestCount(), 3u) << status;
  }
}

TEST_F(HttpEmbedderTest, RetriesACutConnection) {
  Start([](const FakeHttpRequest& request, std::size_t index) {
    FakeHttpAnswer answer = Model(request);
    answer.hang_up = index == 0;
    answer.truncate = index == 1;
    return answer;
  });
  EXPECT_THAT(Embed({"a1"}), IsOkAndHolds(ElementsAre(2, 1)));
}

TEST_F(HttpEmbedderTest, GivesUpAfterMaxRetries) {
  Start(Always(Failure(503)));
  spec_.max_retries = 1;
  EXPECT_THAT(Embed({"SECRET-TEXT"}),
              StatusIs(StatusCode::kUnavailable,
                       AllOf(HasSubstr("503"), HasSubstr("2 tries"), Not(HasSubstr("SECRET")))));
  EXPECT_EQ(RequestCount(), 2u);
}

TEST_F(HttpEmbedderTest, WaitsAsLongAsTheServerAsks) {
  Start([](const FakeHttpRequest& request, std::size_t index) {
    FakeHttpAnswer answer = index == 0 ? Failure(429) : Model(request);
    answer.headers = {{"Retry-After", "1"}};
    return answer;
  });
  const auto start = steady_clock::now();
  EXPECT_THAT(Embed({"a1"}), IsOk());
  EXPECT_GE(steady_clock::now() - start, milliseconds(1'000));
}

TEST_F(HttpEmbedderTest, DoesNotBeginAWaitThatEndsAfterTheDeadline) {
  FakeHttpAnswer answer = Failure(429);
  answer.headers = {{"Retry-After", "3600"}};
  Start(Always(answer));
  const auto start = steady_clock::now();
  EXPECT_THAT(Embed({"a"}), StatusIs(StatusCode::kUnavailable, HasSubstr("429")));
  EXPECT_LT(steady_clock::now() - start, milliseconds(3'000));
  EXPECT_EQ(RequestCount(), 1u);
}

TEST_F(HttpEmbedderTest, RefusalsAreNotRetried) {
  const std::pair<int, StatusCode> cases[] = {
      {400, StatusCode::kInvalidArgument},    {404, StatusCode::kInvalidArgument},
      {413, StatusCode::kInvalidArgument},    {401, StatusCode::kFailedPrecondition},
      {403, StatusCode::kFailedPrecondition}, {302, StatusCode::kUnavailable}};
  setenv("NEARHIT_TEST_KEY", "SECRET-KEY", 1);
  spec_.api_key_env = "NEARHIT_TEST_KEY";
  for (const auto& [status, code] : cases) {
    FakeHttpAnswer answer = Failure(status);
    answer.headers = {{"Location", "/elsewhere"}};
    Start(Always(answer));
    EXPECT_THAT(Embed({"SECRET-TEXT"}),
                StatusIs(code, AllOf(HasSubstr(std::to_string(status)), Not(HasSubstr("SECRET")))));
    EXPECT_EQ(RequestCount(), 1u) << status;
  }
}

TEST_F(HttpEmbedderTest, SendsTheKeyOfTheVariable) {
  Start([](const FakeHttpRequest& request, std::size_t) { return Model(request); });
  setenv("NEARHIT_TEST_KEY", " key-1\n", 1);
  spec_.api_key_env = "NEARHIT_TEST_KEY";
  ASSERT_THAT(Embed({"a"}), IsOk());
  EXPECT_EQ(server_->requests()[0].headers.at("authorization"), "Bearer key-1");
}

TEST_F(HttpEmbedderTest, SendsTheKeyOfTheFile) {
  Start([](const FakeHttpRequest& request, std::size_t) { return Model(request); });
  const TempDir dir;
  spec_.api_key_file = dir.path() / "key";
  std::ofstream(spec_.api_key_file) << "key-2\r\n";
  ASSERT_THAT(Embed({"a"}), IsOk());
  EXPECT_EQ(server_->requests()[0].headers.at("authorization"), "Bearer key-2");
}

TEST_F(HttpEmbedderTest, AMissingKeyIsNamed) {
  Start(Always({}));
  const TempDir dir;
  spec_.api_key_env = "NEARHIT_TEST_KEY";
  EXPECT_THAT(Embed({"a"}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("NEARHIT_TEST_KEY")));
  setenv("NEARHIT_TEST_KEY", " \n", 1);
  EXPECT_THAT(Embed({"a"}), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("empty")));
  setenv("NEARHIT_TEST_KEY", "SECRET\r\nX-Other: 1", 1);
  EXPECT_THAT(Embed({"a"}), StatusIs(StatusCode::kFailedPrecondition,
                                     AllOf(HasSubstr("control"), Not(HasSubstr("SECRET")))));
  spec_.api_key_env.clear();
  spec_.api_key_file = dir.path() / "missing-key";
  EXPECT_THAT(Embed({"a"}), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("missing-key")));
  spec_.api_key_file = dir.path();
  EXPECT_THAT(Embed({"a"}), StatusIs(StatusCode::kFailedPrecondition));
}

TEST_F(HttpEmbedderTest, EndsAtTheDeadlineOrTheTimeout) {
  Start(Always({.delay = milliseconds(30'000)}));
  const auto start = steady_clock::now();
  EXPECT_THAT(Embed({"a"}, start + milliseconds(80)), StatusIs(StatusCode::kDeadlineExceeded));
  spec_.timeout = milliseconds(80);
  EXPECT_THAT(Embed({"a"}), StatusIs(StatusCode::kDeadlineExceeded));
  EXPECT_LT(steady_clock::now() - start, milliseconds(5'000));
}

TEST_F(HttpEmbedderTest, EndsSoonAfterAStop) {
  FakeHttpAnswer never = Failure(503);
  never.delay = std::chrono::hours(1);
  std::latch asked(1);
  Start([&asked, never](const FakeHttpRequest&, std::size_t) {
    asked.count_down();
    return never;
  });
  spec_.timeout = std::chrono::hours(1);
  const auto embedder = *HttpEmbedder::Make(spec_, kDimension);
  const std::vector<std::string_view> texts = {"a text"};
  std::thread stopper([&] {
    asked.wait();
    embedder->Stop();
  });
  EXPECT_THAT(embedder->Embed(texts, kNoDeadline), StatusIs(StatusCode::kCancelled));
  stopper.join();
  EXPECT_THAT(embedder->Embed(texts, kNoDeadline), StatusIs(StatusCode::kCancelled));
}

TEST_F(HttpEmbedderTest, AStopEndsTheWaitForTheNextTry) {
  FakeHttpAnswer later = Failure(429);
  later.headers = {{"Retry-After", "3600"}};
  std::latch asked(1);
  Start([&asked, later](const FakeHttpRequest&, std::size_t) {
    asked.count_down();
    return later;
  });
  spec_.timeout = std::chrono::hours(2);
  const auto embedder = *HttpEmbedder::Make(spec_, kDimension);
  const std::vector<std::string_view> texts = {"a text"};
  std::thread stopper([&] {
    asked.wait();
    embedder->Stop();
  });
  EXPECT_THAT(embedder->Embed(texts, kNoDeadline), StatusIs(StatusCode::kCancelled));
  stopper.join();
}

TEST_F(HttpEmbedderTest, APassedDeadlineSendsNothing) {
  Start(Always({}));
  EXPECT_THAT(Embed({"a"}, steady_clock::now()), StatusIs(StatusCode::kDeadlineExceeded));
  EXPECT_EQ(RequestCount(), 0u);
}

TEST_F(HttpEmbedderTest, RefusesBadAnswers) {
  for (const std::string& body :
       {std::string(), std::string("SECRET"), std::string("[]"), std::string(R"({"data":7})"),
        std::string(R"({"data":[]})"), std::string(R"({"data":[7]})"),
        std::string(R"({"data":[{}]})"), std::string(R"({"data":[{"embedding":[1]}]})"),
        std::string(R"({"data":[{"embedding":[1,2,3]}]})"),
        std::string(R"({"data":[{"embedding":[1,NaN]}]})"),
        std::string(R"({"data":[{"embedding":[1,null]}]})"),
        std::string(R"({"data":[{"embedding":[1,1e39]}]})"),
        std::string(R"({"data":[{"embedding":[1,1e999]}]})"),
        std::string(R"({"data":[{"embedding":[1,"SECRET"]}]})"),
        std::string(R"({"data":[{"embedding":"AAAA"}]})"),
        std::string(R"({"data":[{"index":1,"embedding":[1,2]}]})"),
        std::string(R"({"data":[{"index":-1,"embedding":[1,2]}]})"),
        std::string(R"({"data":[{"embedding":[1,2]},{"embedding":[1,2]}]})"),
        std::string(200'000, '[')}) {
    Start(Always({.body = body}));
    EXPECT_THAT(Embed({"a"}), StatusIs(StatusCode::kUnavailable, Not(HasSubstr("SECRET"))))
        << body.substr(0, 60);
    EXPECT_EQ(RequestCount(), 1u);
  }
}

TEST_F(HttpEmbedderTest, CutsOffAnOversizedAnswer) {
  Start(Always({.body = std::string(3'000'000, ' ')}));
  EXPECT_THAT(Embed({"a"}), StatusIs(StatusCode::kUnavailable, HasSubstr("larger")));
  EXPECT_EQ(RequestCount(), 1u);
}

TEST_F(HttpEmbedderTest, RefusesAnIndexThatComesTwice) {
  Start(Always(
      {.body = R"({"data":[{"index":0,"embedding":[3,4]},{"index":0,"embedding":[1,2]}]})"}));
  EXPECT_THAT(Embed({"a", "b"}), StatusIs(StatusCode::kUnavailable, HasSubstr("index")));
}

TEST_F(HttpEmbedderTest, RefusesInvalidUtf8BeforeSending) {
  Start(Always({}));
  EXPECT_THAT(
      Embed({"a", "SECRET\xff"}),
      StatusIs(StatusCode::kInvalidArgument, AllOf(HasSubstr("text 1"), Not(HasSubstr("SECRET")))));
  EXPECT_EQ(RequestCount(), 0u);
}

TEST_F(HttpEmbedderTest, ARefusedConnectionIsUnavailable) {
  Start(Always({}));
  server_.reset();  // nobody listens on its port now
  spec_.max_retries = 1;
  EXPECT_THAT(Embed({"a"}), StatusIs(StatusCode::kUnavailable, HasSubstr("2 tries")));
}

TEST_F(HttpEmbedderTest, OneBatchInErrorFailsTheCall) {
  Start([](const FakeHttpRequest& request, std::size_t index) {
    return index == 1 ? Failure(400) : Model(request);
  });
  spec_.max_batch = 1;
  EXPECT_THAT(Embed({"a", "b", "c"}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_EQ(RequestCount(), 2u);
}

TEST_F(HttpEmbedderTest, EightThreadsReuseTheirConnections) {
  Start([](const FakeHttpRequest& request, std::size_t) { return Model(request); });
  spec_.timeout = milliseconds(60'000);
  const auto embedder = MakeEmbedder(spec_, kDimension).value();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&embedder, &wrong, t] {
      for (int round = 0; round < 20; ++round) {
        const std::string text =
            std::string(static_cast<std::size_t>(round), 'x') + std::to_string(t);
        const std::string_view view = text;
        const auto row = embedder->Embed(std::span(&view, 1), kNoDeadline);
        const std::vector<float> expected = {static_cast<float>(text.size()),
                                             static_cast<float>(t)};
        wrong += row.ok() && *row == expected ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
  std::set<int> connections;
  for (const FakeHttpRequest& request : server_->requests()) {
    connections.insert(request.connection);
  }
  EXPECT_LE(connections.size(), 8u);
}

}  // namespace
}  // namespace nearhit
