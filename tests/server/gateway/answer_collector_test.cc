#include "server/gateway/answer_collector.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

class Client final : public HttpResponder {
 public:
  explicit Client(std::shared_ptr<EventLoop> loop) : loop_(std::move(loop)) {}

  const std::shared_ptr<EventLoop>& loop() override { return loop_; }
  bool gone() const override { return has_gone; }
  void Send(int, std::vector<HttpHeader>, std::string) override { ADD_FAILURE(); }
  void Begin(int, std::vector<HttpHeader>) override { ADD_FAILURE(); }
  void Write(std::string_view) override { ADD_FAILURE(); }
  void Flush() override { ADD_FAILURE(); }
  void End(std::string_view) override { ADD_FAILURE(); }
  void Abort() override { ADD_FAILURE(); }
  std::size_t unsent() const override { return 0; }
  void SetDrained(std::function<void()>) override { ADD_FAILURE(); }
  void SetGone(std::function<void()> gone) override { on_gone = std::move(gone); }

  bool has_gone = false;
  std::function<void()> on_gone;

 private:
  const std::shared_ptr<EventLoop> loop_;
};

class AnswerCollectorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto loop = EventLoop::Create();
    ASSERT_THAT(loop, IsOk());
    client_ = std::make_shared<Client>(*std::move(loop));
    collector_ = std::make_shared<AnswerCollector>(client_, 10, [this](auto answer) {
      EXPECT_FALSE(answer_) << "once";
      answer_ = std::move(answer);
    });
  }

  std::shared_ptr<Client> client_;
  std::shared_ptr<AnswerCollector> collector_;
  std::optional<AnswerCollector::Answer> answer_;
};

TEST_F(AnswerCollectorTest, TakesAWholeAnswer) {
  collector_->Send(404, {{.name = "a", .value = "b"}}, "some more than ten bytes");
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->outcome, AnswerCollector::Outcome::kWhole);
  EXPECT_EQ(answer_->status, 404);
  EXPECT_EQ(answer_->headers.at(0).value, "b");
  EXPECT_EQ(answer_->body, "some more than ten bytes");
  EXPECT_TRUE(collector_->gone());
}

TEST_F(AnswerCollectorTest, PutsPiecesTogether) {
  collector_->Begin(200, {});
  collector_->Write("12345");
  collector_->Write("6789");
  EXPECT_FALSE(answer_);
  EXPECT_FALSE(collector_->gone());
  collector_->End("0");
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->outcome, AnswerCollector::Outcome::kWhole);
  EXPECT_EQ(answer_->body, "1234567890");
}

TEST_F(AnswerCollectorTest, SaysThatAnAnswerWasCut) {
  collector_->Begin(200, {});
  collector_->Write("12345");
  collector_->Abort();
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->outcome, AnswerCollector::Outcome::kCut);
}

TEST_F(AnswerCollectorTest, GivesUpOnALargeOne) {
  bool left = false;
  collector_->SetGone([&left] { left = true; });
  collector_->Begin(200, {});
  collector_->Write("1234567890");
  collector_->Write("1");
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->outcome, AnswerCollector::Outcome::kTooLarge);
  EXPECT_TRUE(left);
  collector_->Write("more");
  collector_->End("");
}

TEST_F(AnswerCollectorTest, TheCallLearnsThatTheClientHasGone) {
  bool left = false;
  collector_->SetGone([&left] { left = true; });
  client_->has_gone = true;
  client_->on_gone();
  EXPECT_TRUE(left);
  EXPECT_TRUE(collector_->gone());
  EXPECT_FALSE(answer_);
}

}  // namespace
}  // namespace nearhit::server
