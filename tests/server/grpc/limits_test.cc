// What callers who do not read, or send what is no message, can make the daemon hold and say.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/daemon_fixture.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

constexpr std::size_t kAnswerBytes = std::size_t{2} << 20;
constexpr std::size_t kQuota = 8 * kAnswerBytes;

class LimitsTest : public DaemonFixture {
 protected:
  void StartWith(const ServerOptions& options) {
    Config config;
    config.server = options;
    config.namespaces = {{"exact", EmbeddedBy("none")}, {"lexical", EmbeddedBy("lexical")}};
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // else its windows grow over an answer
    Start(config, arguments);
  }

  void StoreLarge() {
    ASSERT_TRUE(client().Store("exact", "large", std::string(kAnswerBytes, 'x')).ok());
  }

  static v1::LookupStreamRequest AskLarge(std::uint64_t sequence) {
    return StreamItem(sequence, LookupOf("exact", "large"));
  }
};

// Nothing is read until the server has done all that it will do by itself.
TEST_F(LimitsTest, AStreamThatIsNotReadHoldsFewAnswers) {
  StartWith({});
  StoreLarge();
  grpc::ClientContext call;
  const auto stream = client().cache()->LookupStream(&call);
  constexpr std::uint64_t kItems = 50;
  for (std::uint64_t i = 0; i < kItems; ++i) {
    ASSERT_TRUE(stream->Write(AskLarge(i)));
  }
  stream->WritesDone();
  // A call that comes after all of them has its answer: those that were to be begun are.
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client().Lookup("exact", "missing").ok());
  }
  EXPECT_LT(daemon().core().answers().held(), kItems * kAnswerBytes / 2);
  std::vector<int> seen(kItems);
  v1::LookupStreamResponse response;
  while (stream->Read(&response)) {
    ASSERT_LT(response.sequence(), kItems);
    EXPECT_EQ(response.response().result().answer().size(), kAnswerBytes);
    ++seen[response.sequence()];
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(seen, testing::Each(1));
}

TEST_F(LimitsTest, NoAnswerIsMadeWhileTooManyAreNotRead) {
  ServerOptions options;
  options.memory_quota_bytes = kQuota;
  StartWith(options);
  StoreLarge();
  std::vector<std::unique_ptr<grpc::ClientContext>> calls;
  std::vector<
      std::unique_ptr<grpc::ClientReaderWriter<v1::LookupStreamRequest, v1::LookupStreamResponse>>>
      streams;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (std::uint64_t i = 0; i < 2 * kQuota / kAnswerBytes; ++i) {
    calls.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(client().cache()->LookupStream(calls.back().get()));
    streams.back()->Write(AskLarge(i));
  }
  while (daemon().core().answers().held() <= kQuota && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }
  ASSERT_GT(daemon().core().answers().held(), kQuota);
  const auto refused = client().Lookup("exact", "large");
  EXPECT_EQ(refused.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.text(), HasSubstr("wait for clients that do not read them"));
  EXPECT_TRUE(client().Stats().ok()) << "operators are answered";
  for (const auto& call : calls) {
    call->TryCancel();
  }
  for (const auto& stream : streams) {
    stream->Finish();
  }
  grpc::Status status;
  do {
    status = client().Lookup("exact", "large").status;
  } while (!status.ok() && std::chrono::steady_clock::now() < give_up);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(LimitsTest, ABatchOfAnswersOverAMessageIsRefusedBeforeItIsWhole) {
  ServerOptions options;
  options.max_message_bytes = 3 * kAnswerBytes;
  StartWith(options);
  StoreLarge();
  v1::LookupBatchRequest request;
  request.set_namespace_("exact");
  for (int i = 0; i < 4; ++i) {
    *request.add_prompts() = PromptOf("large");
  }
  const auto answer = client().Call(request);
  EXPECT_EQ(answer.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(answer.text(),
            "the answers to 4 prompts have over 6291456 bytes: ask for fewer at a time");
}

TEST_F(LimitsTest, VectorsOverAMessageAreNotMade) {
  ServerOptions options;
  options.max_message_bytes = 1U << 20;
  StartWith(options);
  const auto answer = client().Call(EmbedOf("lexical", std::vector<std::string>(1'000, "text")));
  EXPECT_EQ(answer.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(answer.text(),
              HasSubstr("the vectors of 1000 texts have 1536000 bytes, the limit is 1048576"));
}

TEST_F(LimitsTest, WhatMayBeStoredMayBeRead) {
  ServerOptions options;
  options.max_message_bytes = (16U << 20) + (1U << 16);
  StartWith(options);
  ASSERT_TRUE(client().Store("exact", std::string(40'000, 's'), std::string(16U << 20, 'x')).ok());
  const auto page = client().Scan("exact");
  EXPECT_TRUE(page.ok()) << page.text();
  EXPECT_EQ(page->entries_size(), 1);
}

TEST_F(LimitsTest, TextsThatAreNotUtf8AreRefusedByName) {
  StartWith({});
  const auto latin1 =
      client().Send("/nearhit.v1.Cache/Lookup", LookupOf("exact", "caf\xe9").SerializeAsString());
  EXPECT_EQ(latin1.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(latin1.text(), "prompt.slot of 4 bytes is not valid UTF-8");
  const auto torn = client().Send("/nearhit.v1.Admin/Stats", "\xff");
  EXPECT_EQ(torn.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(torn.text(), "the message of 1 bytes cannot be read as nearhit.v1.StatsRequest");
}

TEST_F(LimitsTest, AnItemOfAStreamThatIsNotUtf8FailsAlone) {
  StartWith({});
  StoreLarge();
  grpc::ClientContext call;
  const auto stream = client().cache()->LookupStream(&call);
  ASSERT_TRUE(stream->Write(AskLarge(0)));
  ASSERT_TRUE(stream->Write(StreamItem(1, LookupOf("exact", "caf\xe9"))));
  ASSERT_TRUE(stream->Write(AskLarge(2)));
  stream->WritesDone();
  std::vector<int> codes(3, -1);
  for (const v1::LookupStreamResponse& response : ReadRest(stream.get())) {
    ASSERT_LT(response.sequence(), 3U);
    codes[response.sequence()] = response.error().code();
    if (response.has_error()) {
      EXPECT_EQ(response.error().message(), "request.prompt.slot of 4 bytes is not valid UTF-8");
    }
  }
  EXPECT_EQ(codes, (std::vector<int>{0, 3, 0}));
}

}  // namespace
}  // namespace nearhit::server
