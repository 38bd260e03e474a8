#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "server/gateway/flight.h"
#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {
namespace {

// A table on a loop that runs in the test's thread.
class FlightTableTest : public GatewayTest {
 protected:
  void Open(Handler provider) {
    Serve(std::move(provider));
    auto upstreams = UpstreamSet::Create({{.name = "fake", .url = provider_->url()}});
    ASSERT_THAT(upstreams, IsOk());
    upstreams_ = *std::move(upstreams);
    auto loop = EventLoop::Create();
    ASSERT_THAT(loop, IsOk());
    loop_ = *std::move(loop);
    table_ = std::make_unique<FlightTable>(
        FlightHost{.core = core_.get(),
                   .upstreams = upstreams_.get(),
                   .prices = std::make_shared<const PriceTable>(std::vector<PriceOptions>()),
                   .metrics = std::make_shared<GatewayMetrics>(),
                   .flying = std::make_shared<std::atomic<std::uint64_t>>(0),
                   .longest_lookup = std::chrono::seconds(60)},
        loop_);
  }
  void TearDown() override {
    table_.reset();
    loop_.reset();
    GatewayTest::TearDown();
  }

  FlightRequest Asking(EventLoop::TimePoint looked_up) const {
    auto request = std::make_shared<HttpServerRequest>();
    request->method = "POST";
    request->target = kChat;
    request->body = ChatRequest("Hello?");
    FlightRequest flight;
    flight.route = RouteOf("POST", kChat, false);
    flight.api = Api::kChat;
    flight.request = std::move(request);
    flight.key = "key";
    flight.looked_up = looked_up;
    flight.store = StoreOrder{
        .name_space = "gateway", .scope = "scope", .slot = "Hello?", .max_bytes = 1U << 20U};
    return flight;
  }
  // Runs the loop until the flight's answer is stored, or is not.
  void Land(const FlightTable::Joined& joined) {
    ASSERT_NE(joined.log, nullptr);
    joined.log->Join(loop_, true, [this, log = joined.log.get()] {
      if (log->has_record()) {
        loop_->Stop();
      }
    });
    loop_->Run();
  }

  std::unique_ptr<UpstreamSet> upstreams_;
  std::shared_ptr<EventLoop> loop_;
  std::unique_ptr<FlightTable> table_;
};

TEST_F(FlightTableTest, AnAnswerThatWasStoredSinceTheLookupIsLookedUpAgain) {
  Open([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  const auto before = std::chrono::steady_clock::now();
  Land(table_->Join(Asking(before), 1));
  EXPECT_EQ(table_->Join(Asking(before), 1).log, nullptr);
  EXPECT_TRUE(table_->Join(Asking(std::chrono::steady_clock::now()), 1).leads);
}

TEST_F(FlightTableTest, AnAnswerThatIsNotStoredIsAskedForAgain) {
  Open([](const FakeHttpRequest&, std::size_t) { return Json("{}", 400); });
  const auto before = std::chrono::steady_clock::now();
  Land(table_->Join(Asking(before), 1));
  EXPECT_TRUE(table_->Join(Asking(before), 1).leads);
}

// The first client has its answer: what may not be shared is not shared with the next one.
TEST_F(FlightTableTest, WhoComesAfterTheLastEventWaitsForTheRecord) {
  std::atomic<bool> came{false};
  Open([&came](const FakeHttpRequest&, std::size_t) {
    FakeHttpAnswer answer{.headers = {{"content-type", "text/event-stream"}}};
    answer.next_piece = [&came, blocks = ChatEvents({"Hi"}, false),
                         next = std::size_t{0}]() mutable -> std::optional<std::string> {
      if (next < blocks.size()) {
        return blocks[next++];
      }
      EXPECT_TRUE(Eventually([&came] { return came.load(); }));
      return std::nullopt;
    };
    return answer;
  });
  FlightRequest request = Asking(std::chrono::steady_clock::now());
  request.stream = true;
  const FlightTable::Joined first = table_->Join(request, 1);
  FlightLog::Reader reader = 0;
  reader = first.log->Join(loop_, false, [&] {
    while (const std::optional<FlightPiece> piece = first.log->Next(reader)) {
      const bool last = piece->bytes->find("[DONE]") != std::string::npos;
      EXPECT_EQ(table_->Join(request, 1).for_record, last) << *piece->bytes;
      came = came || last;
    }
    if (first.log->has_record()) {
      loop_->Stop();
    }
  });
  loop_->Run();
  EXPECT_TRUE(came);
}

TEST_F(FlightTableTest, AJoiningRequestBringsItsReview) {
  Open([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  std::atomic<int> reviews{0};
  const auto now = std::chrono::steady_clock::now();
  const FlightTable::Joined first = table_->Join(Asking(now), 1);
  for (int i = 0; i < 2; ++i) {
    FlightRequest joining = Asking(now);
    joining.store->review = [&reviews](const std::string* record) {
      reviews += record != nullptr ? 1 : 0;
    };
    EXPECT_FALSE(table_->Join(std::move(joining), 1).leads);
  }
  Land(first);
  EXPECT_EQ(reviews, 1) << "one prompt is one sample";
}

}  // namespace
}  // namespace nearhit::server
