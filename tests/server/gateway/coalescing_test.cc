#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/gateway/near_flights.h"
#include "tests/server/gateway/crowd.h"

namespace nearhit::server {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::size_t kCrowd = 1'000;

class CoalescingTest : public GatewayTest {
 protected:
  AsyncHttpRequest Asking(const std::string& text, const std::string& more = "") const {
    return {.url = url(kChat),
            .headers = {{.name = "content-type", .value = "application/json"}},
            .body = std::make_shared<const std::string>(ChatRequest(text, more))};
  }
};

TEST_F(CoalescingTest, AThousandIdenticalRequestsMakeOneCall) {
  for (const std::uint32_t threads : {1U, 3U}) {
    for (const milliseconds delay : {milliseconds(0), milliseconds(1), milliseconds(100)}) {
      Serve(
          [delay](const FakeHttpRequest&, std::size_t) {
            FakeHttpAnswer answer = Json(ChatBody("Hello."));
            answer.delay = delay;
            return answer;
          },
          [threads](GatewayOptions* options) { options->threads = threads; });
      Crowd crowd(kCrowd);
      std::map<std::string, int> how;
      for (const GatewayReply& reply :
           crowd.Ask(std::vector<AsyncHttpRequest>(kCrowd, Asking("Hello?")))) {
        ASSERT_EQ(reply.body, ChatBody("Hello."));
        ++how[reply.how()];
      }
      EXPECT_EQ(calls(), 1U) << threads << " threads, " << delay.count() << " ms";
      EXPECT_EQ(how["miss"], 1);
      Settle();
      TearDown();
    }
  }
}

// Texts of one meaning: what the lexical embedder does not tell apart.
std::string Variant(std::size_t meaning, std::size_t variant) {
  static constexpr std::array<const char*, 20> kTopics = {
      "apples",  "bridges", "castles",  "deserts", "engines",  "forests",   "glaciers",
      "harbors", "islands", "jackets",  "kettles", "lanterns", "mountains", "notebooks",
      "oranges", "pianos",  "quarries", "rivers",  "saddles",  "telescopes"};
  static constexpr std::array<const char*, 5> kEnds = {"", "?", ".", "!", " ?"};
  const std::string topic = kTopics[meaning % kTopics.size()];
  std::string text = (variant & 1U) != 0 ? "Tell me about " : "tell me about ";
  text += topic + " and old " + topic + " or new " + topic;
  text += kEnds[(variant / 2) % kEnds.size()];
  return text + std::string((variant / 10) % 5, ' ');
}

TEST_F(CoalescingTest, AThousandParaphrasesMakeACallForEachMeaning) {
  constexpr std::size_t kMeanings = 20;
  for (const std::uint32_t threads : {1U, 3U}) {
    for (const milliseconds delay : {milliseconds(0), milliseconds(100)}) {
      Serve(
          [delay](const FakeHttpRequest& request, std::size_t) {
            const std::size_t at = request.body.find("about ") + 6;
            const std::size_t size = request.body.find(' ', at) - at;
            FakeHttpAnswer answer = Json(ChatBody(request.body.substr(at, size)));
            answer.delay = delay;
            return answer;
          },
          [threads](GatewayOptions* options) {
            options->threads = threads;
            options->coalesce_threshold = 0.9F;
            options->lookup_timeout_ms = 30'000;
          });
      std::vector<AsyncHttpRequest> requests;
      requests.reserve(kCrowd);
      for (std::size_t i = 0; i < kCrowd; ++i) {
        requests.push_back(Asking(Variant(i % kMeanings, i / kMeanings)));
      }
      Crowd crowd(kCrowd);
      const std::vector<GatewayReply> replies = crowd.Ask(std::move(requests));
      for (std::size_t i = 0; i < replies.size(); ++i) {
        const std::string text = Variant(i % kMeanings, 0);
        const std::string topic = text.substr(14, text.find(' ', 14) - 14);
        ASSERT_EQ(replies[i].body, ChatBody(topic)) << i << " " << replies[i].reason();
      }
      EXPECT_LE(calls(), kMeanings) << threads << " threads, " << delay.count() << " ms";
      Settle();
      TearDown();
    }
  }
}

TEST_F(CoalescingTest, WhoWaitsForACallThatFailsAsks) {
  Serve(
      [](const FakeHttpRequest&, std::size_t index) {
        FakeHttpAnswer answer = index == 0 ? Json("{}", 400) : Json(ChatBody("Hello."));
        answer.delay = milliseconds(50);
        return answer;
      },
      [](GatewayOptions* options) { options->coalesce_threshold = 0.9F; });
  Crowd crowd(10);
  std::vector<AsyncHttpRequest> requests;
  for (std::size_t i = 0; i < 10; ++i) {
    requests.push_back(Asking(Variant(0, i)));
  }
  int failed = 0;
  for (const GatewayReply& reply : crowd.Ask(std::move(requests))) {
    failed += reply.status == 400 ? 1 : 0;
  }
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(calls(), 2U);
}

TEST_F(CoalescingTest, OtherParametersDoNotMeet) {
  Serve(
      [](const FakeHttpRequest&, std::size_t) {
        FakeHttpAnswer answer = Json(ChatBody("Hello."));
        answer.delay = milliseconds(50);
        return answer;
      },
      [](GatewayOptions* options) { options->coalesce_threshold = 0.9F; });
  std::vector<AsyncHttpRequest> requests;
  for (std::size_t i = 0; i < 8; ++i) {
    requests.push_back(Asking(Variant(0, i), R"(,"seed":)" + std::to_string(i)));
  }
  Crowd crowd(8);
  crowd.Ask(std::move(requests));
  EXPECT_EQ(calls(), 8U);
}

class NearFlightsTest : public testing::Test {
 protected:
  NearFlights::Joined Join(std::string_view scope, std::string_view slot, std::vector<float> vector,
                           NearFlights::TimePoint looked_up = NearFlights::TimePoint::max()) {
    return table_->Join(
        {.scope = scope, .slot = slot, .vector = vector, .threshold = 0.9F, .looked_up = looked_up},
        [this] { ++woken_; });
  }

  const std::shared_ptr<NearFlights> table_ =
      std::make_shared<NearFlights>(std::chrono::milliseconds(60'000));
  int woken_ = 0;
};

TEST_F(NearFlightsTest, WakesThoseThatWaitOnce) {
  NearFlights::Joined first = Join("s", "a", {1, 0});
  ASSERT_NE(first.lead, nullptr);
  EXPECT_TRUE(Join("s", "b", {3, 0.1F}).waits);
  EXPECT_TRUE(Join("s", "c", {1, 0.1F}).waits);
  const NearFlights::Joined far = Join("s", "d", {0, 1});
  EXPECT_NE(far.lead, nullptr);
  const NearFlights::Joined elsewhere = Join("t", "b", {1, 0});
  EXPECT_NE(elsewhere.lead, nullptr);
  const NearFlights::Joined same = Join("s", "a", {1, 0});
  EXPECT_FALSE(same.waits);
  EXPECT_EQ(same.lead, nullptr);
  first.lead.reset();
  EXPECT_EQ(woken_, 2);
}

TEST_F(NearFlightsTest, OneThatHasEndedSinceTheLookupWakesAtOnce) {
  const auto before = std::chrono::steady_clock::now();
  Join("s", "a", {1, 0}).lead.reset();
  EXPECT_TRUE(Join("s", "b", {1, 0.1F}, before).waits);
  EXPECT_EQ(woken_, 1);
  EXPECT_NE(Join("s", "b", {1, 0.1F}).lead, nullptr) << "its lookup saw the end";
}

TEST_F(NearFlightsTest, AVectorWithoutADirectionMeetsNobody) {
  const NearFlights::Joined joined = Join("s", "a", {0, 0});
  EXPECT_FALSE(joined.waits);
  EXPECT_EQ(joined.lead, nullptr);
}

}  // namespace
}  // namespace nearhit::server
