#include "server/gateway/flight_log.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

class FlightLogTest : public testing::Test {
 protected:
  void Open(bool keep) {
    auto loop = EventLoop::Create();
    ASSERT_THAT(loop, IsOk());
    loop_ = *std::move(loop);
    log_ = std::make_unique<FlightLog>(loop_, keep);
    log_->SetRelieved([this] { ++relieved_; });
    log_->SetHead({.status = 200});
  }
  FlightLog::Reader Join(bool for_record = false) {
    return log_->Join(loop_, for_record, [] {});
  }
  // Pieces of 64 KiB, each of another letter.
  void Append(std::size_t pieces) {
    for (std::size_t i = 0; i < pieces; ++i) {
      const char letter = static_cast<char>('a' + appended_.size() / kPiece % 26);
      appended_.append(kPiece, letter);
      log_->Append({.bytes = std::make_shared<const std::string>(kPiece, letter)});
    }
  }
  std::string Read(FlightLog::Reader reader, std::size_t pieces) {
    std::string bytes;
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::optional<FlightPiece> piece = log_->Next(reader);
      bytes += piece ? *piece->bytes : "";
    }
    return bytes;
  }
  // Lets the loop do what it was posted.
  void RunLoop() {
    loop_->Post([this] { loop_->Stop(); });
    loop_->Run();
  }

  static constexpr std::size_t kPiece = std::size_t{64} << 10;
  static constexpr std::size_t kAhead = FlightLog::kMaxAheadBytes / kPiece;
  static constexpr std::size_t kBehind = FlightLog::kMaxBehindBytes / kPiece;
  std::shared_ptr<EventLoop> loop_;
  std::unique_ptr<FlightLog> log_;
  std::string appended_;
  int relieved_ = 0;
};

TEST_F(FlightLogTest, WhoComesLateReadsItAll) {
  Open(true);
  const FlightLog::Reader first = Join();
  Append(3);
  EXPECT_EQ(Read(first, 2), appended_.substr(0, 2 * kPiece));
  const FlightLog::Reader late = Join();
  EXPECT_EQ(Read(late, 1), appended_.substr(0, kPiece));
  Append(2);
  EXPECT_EQ(Read(late, 9), appended_.substr(kPiece));
  EXPECT_EQ(Read(first, 9), appended_.substr(2 * kPiece));
  EXPECT_FALSE(log_->Next(first));
}

TEST_F(FlightLogTest, WhileAllIsKeptTheFastestSaysWhetherItIsFull) {
  Open(true);
  const FlightLog::Reader fast = Join();
  const FlightLog::Reader slow = Join();
  for (std::size_t i = 0; i < 10 * kBehind; ++i) {
    Append(1);
    ASSERT_FALSE(log_->IsFull()) << i;
    Read(fast, 1);
  }
  Append(kAhead - 1);
  EXPECT_FALSE(log_->IsFull());
  Append(1);
  EXPECT_TRUE(log_->IsFull());
  Read(fast, 1);
  RunLoop();
  EXPECT_FALSE(log_->IsFull());
  EXPECT_EQ(relieved_, 1);
  log_->End(FlightLog::State::kDone, "");
  log_->StopKeeping();
  EXPECT_EQ(Read(slow, appended_.size() / kPiece + 1), appended_);
}

TEST_F(FlightLogTest, OtherwiseTheSlowestDoesToo) {
  Open(false);
  const FlightLog::Reader fast = Join();
  const FlightLog::Reader slow = Join();
  Join(true);  // reads no pieces
  for (std::size_t i = 0; i < kBehind; ++i) {
    ASSERT_FALSE(log_->IsFull()) << i;
    Append(1);
    Read(fast, 1);
  }
  EXPECT_TRUE(log_->IsFull());
  EXPECT_EQ(Read(slow, 1), appended_.substr(0, kPiece));
  EXPECT_FALSE(log_->IsFull());
  Append(1);
  EXPECT_TRUE(log_->IsFull());
  log_->Leave(slow);
  RunLoop();
  EXPECT_FALSE(log_->IsFull());
  EXPECT_EQ(relieved_, 2);
}

}  // namespace
}  // namespace nearhit::server
