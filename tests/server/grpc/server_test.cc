// The server over a database that answers, or hangs, as the test says.
#include "server/grpc/server.h"

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/client.h"
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
  Result<BackupInfo> Backup(const std::filesystem::path&) override { return BackupInfo(); }
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
    client_.emplace(server_->port());
  }

  grpc::StatusCode Create(std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
    return client_->Call(v1::CreateNamespaceRequest(), timeout).code();
  }

  // Occupies the only worker until db_.release.
  std::thread Hang() {
    std::thread thread([this] { EXPECT_TRUE(client_->Call(v1::SnapshotRequest()).ok()); });
    db_.hanging.wait();
    return thread;
  }

  // The answer of grpc.health.v1.Health/Check as bytes: field 1, a varint; 1 is SERVING, 2 is not.
  std::string Health() { return client_->Send("/grpc.health.v1.Health/Check", "").message; }

  FakeDatabase db_;
  std::optional<ServiceCore> core_;
  std::unique_ptr<Server> server_;
  std::optional<Client> client_;
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
      const grpc::StatusCode code = Create(std::chrono::seconds(60));
      if (code == grpc::StatusCode::OK) {
        ++accepted;
      } else if (code == grpc::StatusCode::RESOURCE_EXHAUSTED) {
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
  constexpr std::chrono::milliseconds kShort{50};
  EXPECT_EQ(Create(kShort), grpc::StatusCode::DEADLINE_EXCEEDED);
  // The server's clock for that call may run a little longer than the client's: until it ends, its
  // place is taken.
  grpc::StatusCode code = grpc::StatusCode::OK;
  do {
    code = client_->Call(v1::ListNamespacesRequest(), kShort).code();
  } while (code == grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(code, grpc::StatusCode::DEADLINE_EXCEEDED);
  db_.release.count_down();
  hanging.join();
  const auto stats = client_->Stats();
  ASSERT_TRUE(stats.ok());
  EXPECT_GE(stats->expired_calls(), 1U);
  EXPECT_EQ(db_.creates, 0);
}

TEST_F(ServerTest, StreamAnswersEveryItemAndDrainsAfterHalfClose) {
  grpc::ClientContext call;
  auto stream = client_->cache()->LookupStream(&call);
  constexpr std::uint64_t kItems = 500;
  std::thread writer([&stream] {
    for (std::uint64_t i = 0; i < kItems; ++i) {
      ASSERT_TRUE(stream->Write(StreamItem(i, LookupOf("missing", ""))));
    }
    stream->WritesDone();
  });
  const std::vector<v1::LookupStreamResponse> answers = ReadRest(stream.get());
  writer.join();
  std::vector<int> seen(kItems);
  for (const v1::LookupStreamResponse& answer : answers) {
    ASSERT_LT(answer.sequence(), kItems);
    ++seen[answer.sequence()];
    EXPECT_EQ(answer.error().code(), 5);
  }
  EXPECT_THAT(seen, testing::Each(1));
}

TEST_F(ServerTest, CancelledStreamLeavesTheServerWell) {
  grpc::ClientContext call;
  auto stream = client_->cache()->LookupStream(&call);
  for (int i = 0; i < 100; ++i) {
    stream->Write(v1::LookupStreamRequest());
  }
  call.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(Create(), grpc::StatusCode::OK);
}

TEST_F(ServerTest, HealthTurnsBeforeCallsStop) {
  EXPECT_EQ(Health(), std::string("\x08\x01"));
  server_->StopServing();
  EXPECT_EQ(Health(), std::string("\x08\x02"));
  EXPECT_EQ(Create(), grpc::StatusCode::OK);
  EXPECT_THAT(server_->Shutdown(), IsOk());
  EXPECT_EQ(Create(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTest, OversizedMessageIsRefused) {
  EXPECT_EQ(client_->Store("", "", std::string(33U << 20, 'x')).code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServerTest, TakenPortIsAnError) {
  ServerOptions options;
  options.listen = "127.0.0.1:" + std::to_string(server_->port());
  EXPECT_THAT(Server::Start(&*core_, options), StatusIs(StatusCode::kUnavailable));
}

}  // namespace
}  // namespace nearhit::server
