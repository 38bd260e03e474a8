#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/async_http_fixture.h"
#include "tests/support/eventually.h"

namespace nearhit {
namespace {

using std::chrono::milliseconds;

class AsyncHttpCancelTest : public AsyncHttpClientTest {
 protected:
  // Until the loop has nothing more to do for what was cancelled.
  void AwaitRounds() {
    for (int i = 0; i < 10; ++i) {
      Signal fired;
      Do([&] { loop_->After(milliseconds(1), [&] { fired.Say(); }); });
      fired.Await();
    }
  }
  // Whether the client can still be used.
  bool Works() {
    Recorder recorder;
    return Exchange(Request("works"), &recorder) == HttpOutcome::kAnswered &&
           recorder.body == "works";
  }
  // Answers "works" with itself, and others without an end.
  void ServeEndless() {
    Serve([this](const FakeHttpRequest& request, std::size_t) {
      return request.body == "works" ? FakeHttpAnswer{.body = "works"}
                                     : Endless({"first", "second"});
    });
  }
};

TEST_F(AsyncHttpCancelTest, CancelsWhatIsNotSentYet) {
  ServeEndless();
  Recorder recorder;
  Do([&] {
    Start(Request(), &recorder);
    Cancel(&recorder);
  });
  EXPECT_TRUE(Works());
  EXPECT_EQ(server_->requests().size(), 1U);
}

TEST_F(AsyncHttpCancelTest, CancelsWhatIsRefused) {
  ServeEndless();
  Recorder recorder;
  Do([&] {
    AsyncHttpRequest request = Request();
    request.method = "";
    Start(std::move(request), &recorder);
    Cancel(&recorder);
    Cancel(&recorder);
  });
  EXPECT_TRUE(Works());
}

TEST_F(AsyncHttpCancelTest, CancelsFromWithinItsOwnHead) {
  ServeEndless();
  Recorder recorder;
  Signal cancelled;
  recorder.on_head = [&] {
    Cancel(&recorder);
    Cancel(&recorder);
    cancelled.Say();
  };
  Do([&] { Start(Request(), &recorder); });
  cancelled.Await();
  AwaitRounds();
  EXPECT_TRUE(Works());
}

// Whatever it says of the bytes.
TEST_F(AsyncHttpCancelTest, CancelsFromWithinItsOwnBody) {
  ServeEndless();
  for (const bool takes : {true, false}) {
    Recorder recorder;
    Signal cancelled;
    recorder.on_body = [&](std::string_view) {
      client_->Resume(recorder.exchange);
      Cancel(&recorder);
      client_->Resume(recorder.exchange);
      cancelled.Say();
      return takes;
    };
    Do([&] { Start(Request(), &recorder); });
    cancelled.Await();
    AwaitRounds();
    EXPECT_TRUE(Works());
  }
}

TEST_F(AsyncHttpCancelTest, CancelsNothingFromWithinItsOwnEnd) {
  Answer({.body = "works"});
  Recorder recorder;
  recorder.on_end = [&] {
    client_->Cancel(recorder.exchange);
    client_->Resume(recorder.exchange);
  };
  EXPECT_EQ(Exchange(Request(), &recorder), HttpOutcome::kAnswered);
  Answer({.delay = std::chrono::hours(1)});
  Recorder silent;
  silent.on_end = [&] { client_->Cancel(silent.exchange); };
  AsyncHttpRequest request = Request();
  request.first_byte_timeout = milliseconds(10);
  EXPECT_EQ(Exchange(request, &silent), HttpOutcome::kTimeout);
  Answer({.body = "works"});
  EXPECT_TRUE(Works());
}

TEST_F(AsyncHttpCancelTest, CancelsAnotherFromWithinEachCall) {
  ServeEndless();
  for (const std::string where : {"head", "body", "end"}) {
    Recorder other;
    Signal other_began;
    other.on_body = [&](std::string_view) {
      other_began.Say();
      return true;
    };
    Do([&] { Start(Request(), &other); });
    other_began.Await();
    Recorder recorder;
    const auto cancel = [&](std::string_view here) {
      if (here == where && !other.over) {
        Cancel(&other);
      }
    };
    recorder.on_head = [&] { cancel("head"); };
    recorder.on_body = [&](std::string_view) {
      cancel("body");
      return true;
    };
    recorder.on_end = [&] { cancel("end"); };
    EXPECT_EQ(Exchange(Request("works"), &recorder), HttpOutcome::kAnswered);
    EXPECT_EQ(recorder.body, "works");
    EXPECT_TRUE(other.over);
    AwaitRounds();
  }
  EXPECT_TRUE(Works());
}

// Both have ended, and one of them hears of it first.
TEST_F(AsyncHttpCancelTest, CancelsAnotherThatHasEnded) {
  Answer({});
  AsyncHttpRequest odd = Request();
  odd.method = "";
  Recorder first;
  Recorder second;
  first.on_end = [&] { Cancel(&second); };
  second.on_end = [&] { Cancel(&first); };
  Do([&] {
    Start(odd, &first);
    Start(odd, &second);
  });
  AwaitRounds();
  EXPECT_NE(first.end.reason.empty(), second.end.reason.empty());
}

TEST_F(AsyncHttpCancelTest, StartsAnotherFromWithinEachCall) {
  Answer({.body = "works"});
  for (const std::string where : {"head", "body", "end"}) {
    Recorder recorder;
    Recorder other;
    const auto start = [&](std::string_view here) {
      if (here == where) {
        Start(Request(), &other);
      }
    };
    recorder.on_head = [&] { start("head"); };
    recorder.on_body = [&](std::string_view) {
      start("body");
      return true;
    };
    recorder.on_end = [&] { start("end"); };
    EXPECT_EQ(Exchange(Request(), &recorder), HttpOutcome::kAnswered);
    other.ended.Await();
    EXPECT_EQ(other.body, "works");
  }
}

TEST_F(AsyncHttpCancelTest, DropsWhatIsUnderWayWhenItIsDestroyed) {
  ServeEndless();
  std::vector<Recorder> recorders(20);
  Recorder waiting;
  Recorder odd;
  std::atomic<std::size_t> begun{0};
  Do([&] {
    for (std::size_t i = 0; i < recorders.size(); ++i) {
      recorders[i].on_body = [&begun, i](std::string_view) {
        ++begun;
        return i % 2 == 0;  // the others are paused
      };
      Start(Request(), &recorders[i]);
    }
  });
  ASSERT_TRUE(Eventually([&] { return begun >= 16; }));  // as many as there are connections
  Do([&] {
    Start(Request(), &waiting);
    AsyncHttpRequest request = Request();
    request.method = "";
    Start(std::move(request), &odd);
    client_.reset();
  });
  AwaitRounds();
  for (const Recorder& recorder : recorders) {
    EXPECT_FALSE(recorder.over);
  }
  EXPECT_FALSE(waiting.over);
  EXPECT_FALSE(odd.over);
}

}  // namespace
}  // namespace nearhit
