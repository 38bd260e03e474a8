// The server over a database that answers, or hangs, as the test says.
#include "server/grpc/server.h"

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "nearhit/v1/admin.grpc.pb.h"
#include "nearhit/v1/cache.grpc.pb.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

// Has no namespaces. WriteSnapshots() hangs until Release().
class FakeDatabase final : public Database {
 public:
  Status CreateNamespace(std::string_view, const NamespaceConfig&) override {
    ++creates;
    return Status();
  }
  Result<std::vector<NamespaceInfo>> ListNamespaces() const override {
    return std::vector<NamespaceInfo>();
  }
  Result<NamespaceInfo> DescribeNamespace(std::string_view) const override {
    return NotFound("no namespace");
  }
  Status UpdateNamespace(std::string_view, const NamespaceUpdate&) override { return Status(); }
  Status DropNamespace(std::string_view) override { return Status(); }
  Result<std::shared_ptr<SemanticCache>> Cache(std::string_view) override {
    return NotFound("no namespace");
  }
  Result<std::shared_ptr<VectorStore>> Vectors(std::string_view) override {
    return NotFound("no namespace");
  }
  Result<Embeddings> Embed(std::string_view, std::span<const std::string_view>,
                           std::chrono::steady_clock::time_point) const override {
    return NotFound("no namespace");
  }
  DatabaseStats Stats() const override { return {}; }
  Status Flush() override { return Status(); }
  Status RunMaintenance() override { return Status(); }
  void StopWaiting() override {}
  Status WriteSnapshots() override {
    hanging.count_down();
    release.wait();
    return Status();
  }

  std::atomic<int> creates{0};
  std::latch hanging{1};
  std::latch release{1};
};

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.workers = 1;
    options.max_queue = 1;
    options.shutdown_grace_ms = 5000;
    core_.emplace(&db_, options, "");
    auto server = Server::Start(&*core_, options);
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                                   grpc::InsecureChannelCredentials());
    admin_ = v1::Admin::NewStub(channel_);
    cache_ = v1::Cache::NewStub(channel_);
  }

  grpc::Status Create(std::chrono::milliseconds timeout) {
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + timeout);
    v1::CreateNamespaceResponse response;
    return admin_->CreateNamespace(&call, v1::CreateNamespaceRequest(), &response);
  }

  // Occupies the only worker until db_.release.
  std::thread Hang() {
    std::thread thread([this] {
      grpc::ClientContext call;
      v1::SnapshotResponse response;
      EXPECT_TRUE(admin_->Snapshot(&call, v1::SnapshotRequest(), &response).ok());
    });
    db_.hanging.wait();
    return thread;
  }

  // The answer of grpc.health.v1.Health/Check as bytes: field 1, a varint; 1 is SERVING, 2 is not.
  std::string Health() {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext call;
    const grpc::Slice empty("");
    const grpc::ByteBuffer request(&empty, 1);
    grpc::ByteBuffer response;
    std::latch done(1);
    stub.UnaryCall(&call, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                   [&done](const grpc::Status&) { done.count_down(); });
    done.wait();
    grpc::Slice slice;
    if (!response.DumpToSingleSlice(&slice).ok()) {
      return "";
    }
    return std::string(slice.begin(), slice.end());
  }

  FakeDatabase db_;
  std::optional<ServiceCore> core_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<v1::Cache::Stub> cache_;
};

TEST_F(ServerTest, FullQueueIsRefusedAtOnce) {
  std::thread hanging = Hang();
  std::atomic<int> accepted{0};
  std::atomic<int> refused{0};
  std::latch first_refusal(1);
  std::vector<std::thread> callers;
  callers.reserve(2);
  for (int i = 0; i < 2; ++i) {  // one takes the only place in the queue, the other finds it taken
    callers.emplace_back([&] {
      const grpc::Status status = Create(std::chrono::seconds(60));
      if (status.ok()) {
        ++accepted;
      } else if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
        ++refused;
        first_refusal.count_down();
      }
    });
  }
  first_refusal.wait();
  db_.release.count_down();
  hanging.join();
  for (std::thread& caller : callers) {
    caller.join();
  }
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(refused, 1);
}

TEST_F(ServerTest, ExpiredCallsLeaveTheirPlaceInTheQueueAndAreNotBegun) {
  std::thread hanging = Hang();
  EXPECT_EQ(Create(std::chrono::milliseconds(50)).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  // The server's clock for that call may run a little longer than the client's: until it ends, its
  // place is taken.
  grpc::StatusCode code = grpc::StatusCode::OK;
  do {
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
    v1::ListNamespacesResponse response;
    code = admin_->ListNamespaces(&call, v1::ListNamespacesRequest(), &response).error_code();
  } while (code == grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(code, grpc::StatusCode::DEADLINE_EXCEEDED);
  db_.release.count_down();
  hanging.join();
  grpc::ClientContext call;
  v1::StatsResponse stats;
  ASSERT_TRUE(admin_->Stats(&call, v1::StatsRequest(), &stats).ok());
  EXPECT_GE(stats.expired_calls(), 1U);
  EXPECT_EQ(db_.creates, 0);
}

TEST_F(ServerTest, StreamAnswersEveryItemAndDrainsAfterHalfClose) {
  grpc::ClientContext call;
  auto stream = cache_->LookupStream(&call);
  constexpr std::uint64_t kItems = 500;
  std::thread writer([&stream] {
    for (std::uint64_t i = 0; i < kItems; ++i) {
      v1::LookupStreamRequest request;
      request.set_sequence(i);
      request.mutable_request()->set_namespace_("missing");
      ASSERT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
  });
  std::vector<int> seen(kItems);
  v1::LookupStreamResponse response;
  while (stream->Read(&response)) {
    ASSERT_LT(response.sequence(), kItems);
    ++seen[response.sequence()];
    EXPECT_EQ(response.error().code(), 5);
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(seen, testing::Each(1));
}

TEST_F(ServerTest, CancelledStreamLeavesTheServerWell) {
  grpc::ClientContext call;
  auto stream = cache_->LookupStream(&call);
  for (int i = 0; i < 100; ++i) {
    stream->Write(v1::LookupStreamRequest());
  }
  call.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Create(std::chrono::seconds(5)).ok());
}

TEST_F(ServerTest, HealthTurnsBeforeCallsStop) {
  EXPECT_EQ(Health(), std::string("\x08\x01"));
  server_->StopServing();
  EXPECT_EQ(Health(), std::string("\x08\x02"));
  EXPECT_TRUE(Create(std::chrono::seconds(5)).ok());
  EXPECT_THAT(server_->Shutdown(), IsOk());
  EXPECT_EQ(Create(std::chrono::seconds(5)).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTest, OversizedMessageIsRefused) {
  grpc::ClientContext call;
  v1::StoreRequest request;
  request.mutable_item()->set_answer(std::string(33U << 20, 'x'));
  v1::StoreResponse response;
  EXPECT_EQ(cache_->Store(&call, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServerTest, TakenPortIsAnError) {
  ServerOptions options;
  options.listen = "127.0.0.1:" + std::to_string(server_->port());
  EXPECT_THAT(Server::Start(&*core_, options), StatusIs(StatusCode::kUnavailable));
}

}  // namespace
}  // namespace nearhit::server
