#include "server/gateway/stored_answer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/coding.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

TEST(StoredAnswer, ReadsWhatItWrites) {
  const StoredAnswer answer{.body = "{}",
                            .events = {{.block = "data: 1\n\n", .delay_ms = 7},
                                       {.block = "data: 2\n\n", .usage_only = true}},
                            .model = "m-2026",
                            .took_ms = 1'234,
                            .converts = true};
  const std::string bytes = EncodeAnswer(answer);
  const auto read = DecodeAnswer(bytes);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->body, "{}");
  EXPECT_EQ(read->model, "m-2026");
  EXPECT_EQ(read->took_ms, 1'234U);
  EXPECT_TRUE(read->converts);
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

constexpr char kBody[] =
    R"({"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,)"
    R"("message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],)"
    R"("usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}})";

TEST(AddForm, MakesAStreamOfABodyAndTheBodyOfThatStream) {
  StoredAnswer whole{.body = kBody, .converts = true};
  MadeForm blocks;
  ASSERT_THAT(AddForm(Api::kChat, true, &whole, &blocks), IsOk());
  ASSERT_FALSE(whole.events.empty());
  EXPECT_EQ(whole.events.back().block, "data: [DONE]\n\n");
  EXPECT_TRUE(whole.events[whole.events.size() - 2].usage_only);
  StoredAnswer stream{.events = whole.events, .converts = true};
  MadeForm body;
  ASSERT_THAT(AddForm(Api::kChat, false, &stream, &body), IsOk());
  EXPECT_EQ(nlohmann::json::parse(stream.body), nlohmann::json::parse(kBody));
}

TEST(AddForm, LeavesWhatIsThereAndWhatCannotBe) {
  MadeForm made;
  StoredAnswer whole{.body = kBody};
  EXPECT_THAT(AddForm(Api::kChat, false, &whole, &made), IsOk());
  EXPECT_THAT(AddForm(Api::kChat, true, &whole, &made), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_TRUE(whole.events.empty());
  whole.converts = true;
  EXPECT_THAT(AddForm(std::nullopt, true, &whole, &made),
              StatusIs(StatusCode::kFailedPrecondition));
  StoredAnswer cut{.events = {{.block = "data: {}\n\n"}}, .converts = true};
  EXPECT_FALSE(AddForm(Api::kChat, false, &cut, &made).ok());
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
