#include "net/event_loop.h"

#include <array>
#include <memory>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/signal.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

std::unique_ptr<EventLoop> MakeLoop() {
  auto loop = EventLoop::Create();
  EXPECT_THAT(loop, IsOk());
  return *std::move(loop);
}

// Two ends of a connection; what is written to the one is read at the other.
class Pair {
 public:
  Pair() : Pair(Make()) {}
  int watched() const { return watched_.get(); }
  void Write() const { EXPECT_EQ(::send(other_.get(), "x", 1, 0), 1); }
  void Read() const {
    char byte = 0;
    EXPECT_EQ(::recv(watched_.get(), &byte, 1, 0), 1);
  }

 private:
  explicit Pair(std::array<int, 2> ends) : watched_(ends[0]), other_(ends[1]) {}
  static std::array<int, 2> Make() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    return ends;
  }

  const Descriptor watched_;
  const Descriptor other_;
};

class Handler final : public SocketHandler {
 public:
  explicit Handler(std::function<void(std::uint32_t)> on_events)
      : on_events_(std::move(on_events)) {}
  void OnEvents(std::uint32_t events) override { on_events_(events); }

 private:
  const std::function<void(std::uint32_t)> on_events_;
};

TEST(EventLoop, RunsPostsOfManyThreadsInTheirOrder) {
  constexpr std::size_t kThreads = 8;
  constexpr int kPosts = 1'000;
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  std::array<int, kThreads> next{};
  std::size_t done = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        loop->Post([&, t, i] {
          EXPECT_EQ(next.at(t)++, i);
          done += i + 1 == kPosts ? 1 : 0;
          if (done == kThreads) {
            loop->Stop();
          }
        });
      }
    });
  }
  loop->Run();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(next, testing::Each(kPosts));
}

TEST(EventLoop, RunsWhatATaskPosts) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  std::vector<int> ran;
  loop->Post([&] {
    loop->Post([&] {
      ran.push_back(3);
      loop->Stop();
    });
    ran.push_back(1);
  });
  loop->Post([&] { ran.push_back(2); });
  loop->Run();
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST(EventLoop, DestroysWhatIsPostedAfterItsEnd) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  const auto held = std::make_shared<int>(1);
  loop->Post([&loop, held] {
    loop->Stop();
    loop->Post([held] { ADD_FAILURE() << "the loop has stopped"; });
  });
  loop->After(milliseconds(0), [&loop, held] { loop->Stop(); });
  loop->After(milliseconds(600'000), [held] {});
  loop->Run();
  EXPECT_EQ(held.use_count(), 1);
  loop->Post([held] {});
  EXPECT_EQ(held.use_count(), 1);
}

TEST(EventLoop, RunsNothingWhenItIsStoppedBefore) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  loop->Stop();
  loop->Post([] { ADD_FAILURE() << "the loop has stopped"; });
  loop->Run();
}

TEST(EventLoop, RunsTimersInTheOrderOfTheirTimes) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  const EventLoop::TimePoint begin = std::chrono::steady_clock::now();
  std::vector<int> ran;
  const auto add = [&](int after_ms, int name) {
    loop->At(begin + milliseconds(after_ms), [&, after_ms, name] {
      EXPECT_GE(std::chrono::steady_clock::now(), begin + milliseconds(after_ms));
      ran.push_back(name);
    });
  };
  add(20, 5);
  add(10, 3);
  add(0, 1);
  add(10, 4);
  add(-5, 0);
  add(5, 2);
  loop->At(begin + milliseconds(21), [&loop] { loop->Stop(); });
  loop->Run();
  EXPECT_THAT(ran, ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(EventLoop, RunsNoTimerThatIsCancelled) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  const auto fails = [] { ADD_FAILURE() << "it was cancelled"; };
  const EventLoop::TimePoint now = std::chrono::steady_clock::now();
  loop->Cancel(loop->At(now, fails));
  loop->Cancel({});
  EventLoop::TimerId self;
  EventLoop::TimerId other;
  self = loop->At(now, [&] {
    loop->Cancel(self);
    loop->Cancel(other);
    loop->Cancel(other);
  });
  other = loop->At(now, fails);
  loop->At(now + milliseconds(1), [&] {
    loop->Cancel(self);  // has fired
    loop->Stop();
  });
  loop->Run();
}

// A timer may hold what cancels timers when it goes.
TEST(EventLoop, DropsTimersThatCancelEachOther) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  std::vector<EventLoop::TimerId> ids(10);
  for (EventLoop::TimerId& id : ids) {
    const std::shared_ptr<void> cancels(nullptr, [&](void*) {
      for (const EventLoop::TimerId each : ids) {
        loop->Cancel(each);
      }
    });
    id = loop->After(milliseconds(600'000), [cancels] {});
  }
  loop->Post([&loop] { loop->Stop(); });
  loop->Run();
}

TEST(EventLoop, HandsOutNoEventOfASocketThatIsUnwatched) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  const std::array<Pair, 8> pairs;
  std::vector<std::unique_ptr<Handler>> handlers(pairs.size());
  int handed_out = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    pairs.at(i).Write();
    handlers[i] = std::make_unique<Handler>([&](std::uint32_t events) {
      EXPECT_EQ(events, EPOLLIN + 0U);
      ++handed_out;
      for (std::size_t each = 0; each < pairs.size(); ++each) {  // this one too
        loop->Unwatch(pairs.at(each).watched(), handlers[each].get());
      }
      loop->Post([&] {
        handlers.clear();
        loop->Stop();
      });
    });
    ASSERT_THAT(loop->Watch(pairs.at(i).watched(), EPOLLIN, handlers[i].get()), IsOk());
  }
  loop->Run();
  EXPECT_EQ(handed_out, 1);
}

TEST(EventLoop, WatchesForWhatItIsToldLast) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  const Pair pair;
  std::vector<std::uint32_t> seen;
  Handler handler([&](std::uint32_t events) {
    seen.push_back(events);
    if (events == EPOLLOUT) {
      loop->Rewatch(pair.watched(), EPOLLIN, &handler);
      pair.Write();
    } else if (seen.size() == 2) {
      pair.Read();
      loop->Rewatch(pair.watched(), EPOLLIN | EPOLLOUT, &handler);
      pair.Write();
    } else {
      loop->Stop();
    }
  });
  ASSERT_THAT(loop->Watch(pair.watched(), EPOLLOUT, &handler), IsOk());
  loop->Run();
  EXPECT_THAT(seen, ElementsAre(EPOLLOUT, EPOLLIN, EPOLLIN | EPOLLOUT));
}

TEST(EventLoop, RefusesToWatchASocketTwice) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  const Pair pair;
  Handler handler([](std::uint32_t) {});
  ASSERT_THAT(loop->Watch(pair.watched(), EPOLLIN, &handler), IsOk());
  EXPECT_THAT(loop->Watch(pair.watched(), EPOLLIN, &handler),
              StatusIs(StatusCode::kResourceExhausted));
}

TEST(EventLoop, WakesUpForAPostWhileItWaits) {
  const std::unique_ptr<EventLoop> loop = MakeLoop();
  std::thread thread([&loop] { loop->Run(); });
  for (int i = 0; i < 100; ++i) {
    Signal ran;
    loop->Post([&ran] { ran.Say(); });
    ran.Await();
  }
  loop->Stop();
  thread.join();
}

}  // namespace
}  // namespace nearhit
