// What callers who do not read, or send what is no message, can make the daemon hold and say.
#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "nearhit/v1/admin.grpc.pb.h"
#include "nearhit/v1/cache.grpc.pb.h"
#include "nearhit/v1/vectors.grpc.pb.h"
#include "server/daemon/daemon.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

constexpr std::size_t kAnswerBytes = std::size_t{2} << 20;
constexpr std::size_t kQuota = 8 * kAnswerBytes;

class LimitsTest : public testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    Config config;
    config.server = options;
    config.server.listen = "127.0.0.1:0";
    config.storage.in_memory = true;
    NamespaceConfig exact;
    exact.embedder.kind = "none";
    NamespaceConfig lexical;
    lexical.embedder.kind = "lexical";
    config.namespaces = {{"exact", exact}, {"lexical", lexical}};
    auto daemon = Daemon::Start(config);
    ASSERT_THAT(daemon, IsOk());
    daemon_ = *std::move(daemon);
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // else its windows grow over an answer
    channel_ = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(daemon_->server().port()),
                                         grpc::InsecureChannelCredentials(), arguments);
    cache_ = v1::Cache::NewStub(channel_);
  }

  void StoreLarge() {
    v1::StoreRequest request;
    request.set_namespace_("exact");
    request.mutable_item()->mutable_prompt()->set_slot("large");
    request.mutable_item()->set_answer(std::string(kAnswerBytes, 'x'));
    grpc::ClientContext call;
    v1::StoreResponse response;
    ASSERT_TRUE(cache_->Store(&call, request, &response).ok());
  }

  static v1::LookupStreamRequest AskLarge(std::uint64_t sequence) {
    v1::LookupStreamRequest request;
    request.set_sequence(sequence);
    request.mutable_request()->set_namespace_("exact");
    request.mutable_request()->mutable_prompt()->set_slot("large");
    return request;
  }

  // A unary call of any bytes.
  grpc::Status Send(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext call;
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    std::latch done(1);
    stub.UnaryCall(&call, method, grpc::StubOptions(), &request, &response,
                   [&](const grpc::Status& ended) {
                     status = ended;
                     done.count_down();
                   });
    done.wait();
    return status;
  }

  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Cache::Stub> cache_;
};

// Nothing is read until the server has done all that it will do by itself.
TEST_F(LimitsTest, AStreamThatIsNotReadHoldsFewAnswers) {
  Start();
  StoreLarge();
  grpc::ClientContext call;
  const auto stream = cache_->LookupStream(&call);
  constexpr std::uint64_t kItems = 50;
  for (std::uint64_t i = 0; i < kItems; ++i) {
    ASSERT_TRUE(stream->Write(AskLarge(i)));
  }
  stream->WritesDone();
  // A call that comes after all of them has its answer: those that were to be begun are.
  for (int i = 0; i < 100; ++i) {
    grpc::ClientContext lookup_call;
    v1::LookupResponse response;
    v1::LookupRequest request;
    request.set_namespace_("exact");
    request.mutable_prompt()->set_slot("missing");
    ASSERT_TRUE(cache_->Lookup(&lookup_call, request, &response).ok());
  }
  EXPECT_LT(daemon_->core().answers().held(), kItems * kAnswerBytes / 2);
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
  Start(options);
  StoreLarge();
  std::vector<std::unique_ptr<grpc::ClientContext>> calls;
  std::vector<
      std::unique_ptr<grpc::ClientReaderWriter<v1::LookupStreamRequest, v1::LookupStreamResponse>>>
      streams;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (std::uint64_t i = 0; i < 2 * kQuota / kAnswerBytes; ++i) {
    calls.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(cache_->LookupStream(calls.back().get()));
    streams.back()->Write(AskLarge(i));
  }
  while (daemon_->core().answers().held() <= kQuota && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }
  ASSERT_GT(daemon_->core().answers().held(), kQuota);
  v1::LookupRequest request;
  request.set_namespace_("exact");
  request.mutable_prompt()->set_slot("large");
  v1::LookupResponse response;
  {
    grpc::ClientContext call;
    const grpc::Status status = cache_->Lookup(&call, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(), HasSubstr("wait for clients that do not read them"));
  }
  const auto admin = v1::Admin::NewStub(channel_);
  {
    grpc::ClientContext call;
    v1::StatsResponse stats;
    EXPECT_TRUE(admin->Stats(&call, v1::StatsRequest(), &stats).ok()) << "operators are answered";
  }
  for (const auto& call : calls) {
    call->TryCancel();
  }
  for (const auto& stream : streams) {
    stream->Finish();
  }
  grpc::Status status;
  do {
    grpc::ClientContext call;
    status = cache_->Lookup(&call, request, &response);
  } while (!status.ok() && std::chrono::steady_clock::now() < give_up);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(LimitsTest, ABatchOfAnswersOverAMessageIsRefusedBeforeItIsWhole) {
  ServerOptions options;
  options.max_message_bytes = 3 * kAnswerBytes;
  Start(options);
  StoreLarge();
  v1::LookupBatchRequest request;
  request.set_namespace_("exact");
  for (int i = 0; i < 4; ++i) {
    request.add_prompts()->set_slot("large");
  }
  grpc::ClientContext call;
  v1::LookupBatchResponse response;
  const grpc::Status status = cache_->LookupBatch(&call, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(),
            "the answers to 4 prompts have over 6291456 bytes: ask for fewer at a time");
}

TEST_F(LimitsTest, VectorsOverAMessageAreNotMade) {
  ServerOptions options;
  options.max_message_bytes = 1U << 20;
  Start(options);
  v1::EmbedRequest request;
  request.set_namespace_("lexical");
  for (int i = 0; i < 1'000; ++i) {
    request.add_texts("text");
  }
  grpc::ClientContext call;
  v1::EmbedResponse response;
  const grpc::Status status = v1::Vectors::NewStub(channel_)->Embed(&call, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(),
              HasSubstr("the vectors of 1000 texts have 1536000 bytes, the limit is 1048576"));
}

TEST_F(LimitsTest, WhatMayBeStoredMayBeRead) {
  ServerOptions options;
  options.max_message_bytes = (16U << 20) + (1U << 16);
  Start(options);
  v1::StoreRequest request;
  request.set_namespace_("exact");
  request.mutable_item()->mutable_prompt()->set_slot(std::string(40'000, 's'));
  request.mutable_item()->set_answer(std::string(16U << 20, 'x'));
  {
    grpc::ClientContext call;
    v1::StoreResponse response;
    ASSERT_TRUE(cache_->Store(&call, request, &response).ok());
  }
  v1::ScanRequest scan;
  scan.set_namespace_("exact");
  grpc::ClientContext call;
  v1::ScanResponse page;
  const grpc::Status status = cache_->Scan(&call, scan, &page);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(page.entries_size(), 1);
}

TEST_F(LimitsTest, TextsThatAreNotUtf8AreRefusedByName) {
  Start();
  v1::LookupRequest request;
  request.set_namespace_("exact");
  request.mutable_prompt()->set_slot("caf\xe9");
  const grpc::Status status = Send("/nearhit.v1.Cache/Lookup", request.SerializeAsString());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "prompt.slot of 4 bytes is not valid UTF-8");
  const grpc::Status torn = Send("/nearhit.v1.Admin/Stats", "\xff");
  EXPECT_EQ(torn.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(torn.error_message(),
            "the message of 1 bytes cannot be read as nearhit.v1.StatsRequest");
}

TEST_F(LimitsTest, AnItemOfAStreamThatIsNotUtf8FailsAlone) {
  Start();
  StoreLarge();
  grpc::ClientContext call;
  const auto stream = cache_->LookupStream(&call);
  v1::LookupStreamRequest bad = AskLarge(1);
  bad.mutable_request()->mutable_prompt()->set_slot("caf\xe9");
  ASSERT_TRUE(stream->Write(AskLarge(0)));
  ASSERT_TRUE(stream->Write(bad));
  ASSERT_TRUE(stream->Write(AskLarge(2)));
  stream->WritesDone();
  std::vector<int> codes(3, -1);
  v1::LookupStreamResponse response;
  while (stream->Read(&response)) {
    ASSERT_LT(response.sequence(), 3U);
    codes[response.sequence()] = response.error().code();
    if (response.has_error()) {
      EXPECT_EQ(response.error().message(), "request.prompt.slot of 4 bytes is not valid UTF-8");
    }
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(codes, (std::vector<int>{0, 3, 0}));
}

}  // namespace
}  // namespace nearhit::server
