#include "server/gateway/replay.h"

#include <future>
#include <string_view>

#include "tests/server/gateway/fake_responder.h"
#include "tests/server/gateway/gateway_fixture.h"
#include "tests/support/signal.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(ReplayTimes, ArePausesAsTheyWereWithinALimit) {
  const std::vector<StoredEvent> events = {
      {.delay_ms = 700}, {.delay_ms = 30}, {}, {.delay_ms = 60'000}, {.delay_ms = 1}};
  EXPECT_THAT(ReplayTimes(events), ElementsAre(milliseconds(0), milliseconds(30), milliseconds(30),
                                               milliseconds(5'030), milliseconds(5'031)))
      << "the first event comes at once";
  EXPECT_TRUE(ReplayTimes({}).empty());
}

class ReplayTest : public FakeResponderTest {
 protected:
  std::weak_ptr<Replay> Start(std::string bytes, std::vector<Replay::Step> steps) {
    const auto replay = std::make_shared<Replay>(client_, std::move(bytes), std::move(steps));
    replay->Start();
    return replay;
  }
};

TEST_F(ReplayTest, SendsEachEventWhenItIsDue) {
  const auto begin = std::chrono::steady_clock::now();
  const auto replay = Start("abbc", {{1, {}}, {3, milliseconds(30)}, {4, milliseconds(60)}});
  EXPECT_THAT(client_->writes, ElementsAre("a"));
  loop_->Run();
  EXPECT_TRUE(client_->ended);
  EXPECT_THAT(client_->writes, ElementsAre("a", "bb", "c"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(60));
  EXPECT_TRUE(replay.expired());
}

TEST_F(ReplayTest, SendsTogetherWhatIsDueTogether) {
  Start("abbc", {{1, {}}, {3, {}}, {4, {}}});
  EXPECT_TRUE(client_->ended);
  EXPECT_THAT(client_->writes, ElementsAre("abbc"));
}

TEST_F(ReplayTest, EndsWhenTheClientHasGone) {
  const auto replay = Start("ab", {{1, {}}, {2, milliseconds(600'000)}});
  EXPECT_FALSE(replay.expired());
  client_->Go();
  EXPECT_TRUE(replay.expired()) << "at once, and not when the next event is due";
  EXPECT_THAT(client_->writes, ElementsAre("a"));
}

TEST_F(ReplayTest, EndsWhenAWriteShowsThatTheClientHasGone) {
  client_->on_write = [this] { client_->Go(); };
  const auto replay = Start("ab", {{1, {}}, {2, milliseconds(1)}});
  EXPECT_TRUE(replay.expired());
  EXPECT_FALSE(client_->ended);
}

TEST_F(ReplayTest, WaitsForAClientThatIsSlow) {
  constexpr std::size_t kEvent = 40'000;
  client_->on_write = [this] { client_->untaken = Replay::kMaxUnsentBytes; };
  const auto replay = Start(std::string(4 * kEvent, 'x'),
                            {{kEvent, {}}, {2 * kEvent, {}}, {3 * kEvent, {}}, {4 * kEvent, {}}});
  ASSERT_EQ(client_->writes.size(), 1U);
  EXPECT_EQ(client_->writes[0].size(), 2 * kEvent) << "no more than it may hold, and an event";
  ASSERT_TRUE(client_->drained);
  client_->untaken = 0;
  std::exchange(client_->drained, nullptr)();
  ASSERT_EQ(client_->writes.size(), 2U);
  EXPECT_TRUE(client_->ended) << "what is left to take is the server's";
  EXPECT_TRUE(replay.expired());
}

TEST_F(ReplayTest, EndsWhenASlowClientGoes) {
  client_->on_write = [this] { client_->untaken = Replay::kMaxUnsentBytes; };
  const auto replay = Start("ab", {{1, {}}, {2, milliseconds(1)}});
  EXPECT_FALSE(replay.expired()) << "the next event is not due";
  client_->Go();
  EXPECT_TRUE(replay.expired());
}

// A recorded stream of four events, "One ", "two", the stop and [DONE], so far apart.
class GatewayReplayTest : public GatewayTest {
 protected:
  void ServeRecorded(ReplayMode mode, std::uint32_t pause_ms) {
    Serve(
        [](const FakeHttpRequest&, std::size_t) {
          return Events(ChatEvents({"One ", "two"}, false));
        },
        [mode](GatewayOptions* options) { options->replay = mode; });
    Chat("Count.", kStream);
    const GatewayReply hit = Chat("Count.", kStream);
    ASSERT_EQ(hit.how(), "exact");
    expected_ = hit.body;
    auto cache = db_->Cache("gateway");
    ASSERT_THAT(cache, IsOk());
    const auto entry = (*cache)->Get({std::stoull(hit.Header("x-nearhit-entry-id"))});
    ASSERT_THAT(entry, IsOk());
    auto answer = DecodeAnswer(entry->answer);
    ASSERT_THAT(answer, IsOk());
    for (StoredEvent& event : answer->events) {
      event.delay_ms = pause_ms;
    }
    const std::string record = EncodeAnswer(*answer);
    StoreRequest request;
    request.prompt = {.scope = entry->scope, .slot = entry->slot};
    request.answer = record;
    request.metadata = entry->metadata;
    ASSERT_THAT((*cache)->Store(request), IsOk());
  }

  // From another thread, after the first piece was there.
  std::future<GatewayReply> AskAndShutDown(milliseconds grace) {
    Signal begun;
    settles_ = false;
    auto reply = std::async(std::launch::async, [this, &begun] {
      return Send("POST", "/v1/chat/completions", ChatRequest("Count.", kStream),
                  {{.name = "connection", .value = "close"}}, [&begun](std::string_view) {
                    begun.Say();
                    return true;
                  });
    });
    begun.Await();
    gateway_->Shutdown(grace);
    reply.wait();
    return reply;
  }

  static constexpr char kStream[] = R"(,"stream":true)";
  std::string expected_;
};

TEST_F(GatewayReplayTest, EventsComeAsTheyWereRecorded) {
  ServeRecorded(ReplayMode::kRecorded, 30);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::string> pieces;
  const GatewayReply reply = Chat("Count.", kStream, [&pieces](std::string_view piece) {
    pieces.emplace_back(piece);
    return true;
  });
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(90));
  EXPECT_EQ(reply.how(), "exact");
  EXPECT_EQ(reply.body, expected_);
  EXPECT_TRUE(reply.whole);
  ASSERT_GT(pieces.size(), 1U);
  EXPECT_THAT(pieces.front(), HasSubstr("One "));
  EXPECT_THAT(pieces.front(), Not(HasSubstr("[DONE]")));
}

TEST_F(GatewayReplayTest, ABurstHasNoPauses) {
  ServeRecorded(ReplayMode::kBurst, 600'000);
  EXPECT_EQ(Chat("Count.", kStream).body, expected_);
}

TEST_F(GatewayReplayTest, AnAnswerThatWasNoStreamComesAtOnce) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); },
        [](GatewayOptions* options) { options->replay = ReplayMode::kRecorded; });
  Chat("Hello?");
  const GatewayReply stream = Chat("Hello?", kStream);
  EXPECT_EQ(stream.how(), "exact");
  EXPECT_TRUE(stream.whole);
  EXPECT_EQ(Chat("Hello?").body, ChatBody("Hello."));
}

TEST_F(GatewayReplayTest, AClientMayLeave) {
  ServeRecorded(ReplayMode::kRecorded, 600'000);
  const GatewayReply reply = Chat("Count.", kStream, [](std::string_view) { return false; });
  EXPECT_THAT(reply.body, HasSubstr("One "));
  EXPECT_FALSE(reply.whole);
  EXPECT_TRUE(Eventually([this] { return gateway_->connections() == 0; }));
}

TEST_F(GatewayReplayTest, AShutdownLetsItEnd) {
  ServeRecorded(ReplayMode::kRecorded, 30);
  const GatewayReply reply = AskAndShutDown(std::chrono::minutes(1)).get();
  EXPECT_EQ(reply.body, expected_);
  EXPECT_TRUE(reply.whole);
}

TEST_F(GatewayReplayTest, AShutdownDoesNotWaitForever) {
  ServeRecorded(ReplayMode::kRecorded, 600'000);
  const GatewayReply reply = AskAndShutDown(milliseconds(0)).get();
  EXPECT_THAT(reply.body, Not(HasSubstr("[DONE]")));
  EXPECT_FALSE(reply.whole);
}

}  // namespace
}  // namespace nearhit::server
