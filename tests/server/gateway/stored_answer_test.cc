#include "server/gateway/stored_answer.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

TEST(StoredAnswer, ReadsWhatItWrites) {
  const StoredAnswer answer{.body = "{}",
                            .events = {{.block = "data: 1\n\n", .delay_ms = 7},
                                       {.block = "data: 2\n\n", .usage_only = true}},
                            .model = "m-2026",
                            .took_ms = 1'234};
  const std::string bytes = EncodeAnswer(answer);
  const auto read = DecodeAnswer(bytes);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->body, "{}");
  EXPECT_EQ(read->model, "m-2026");
  EXPECT_EQ(read->took_ms, 1'234U);
  ASSERT_EQ(read->events.size(), 2U);
  EXPECT_EQ(read->events[0].block, "data: 1\n\n");
  EXPECT_EQ(read->events[0].delay_ms, 7U);
  EXPECT_TRUE(read->events[1].usage_only);
}

TEST(StoredAnswer, ReadsTheFirstVersion) {
  std::string bytes;
  PutFixed(&bytes, std::uint8_t{1});
  PutBytes(&bytes, "{}");
  PutFixed(&bytes, std::uint32_t{1});
  PutFixed(&bytes, std::uint8_t{1});
  PutFixed(&bytes, std::uint32_t{30});
  PutBytes(&bytes, "data: 1\n\n");
  const auto read = DecodeAnswer(bytes);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->body, "{}");
  EXPECT_EQ(read->events.at(0).delay_ms, 30U);
  EXPECT_EQ(read->model, "");
  EXPECT_EQ(read->took_ms, 0U);
}

TEST(StoredAnswer, RefusesOtherBytes) {
  const std::string bytes = EncodeAnswer({.body = "{}", .model = "m", .took_ms = 1});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(DecodeAnswer(bytes.substr(0, size)), StatusIs(StatusCode::kDataLoss)) << size;
  }
  EXPECT_THAT(DecodeAnswer(bytes + "x"), StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(DecodeAnswer("\x03" + bytes.substr(1)), StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(DecodeAnswer(EncodeAnswer({.model = "m"})), StatusIs(StatusCode::kDataLoss));
}

}  // namespace
}  // namespace nearhit::server
