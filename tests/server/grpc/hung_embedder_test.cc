// An embedding endpoint that does not answer: callers who bring a vector do not wait for it.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "nearhit/v1/admin.grpc.pb.h"
#include "nearhit/v1/cache.grpc.pb.h"
#include "nearhit/v1/vectors.grpc.pb.h"
#include "server/daemon/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

constexpr std::chrono::minutes kLong{10};
constexpr std::chrono::seconds kDeadline{60};

class HungEmbedderTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("no_proxy", "127.0.0.1", 1);
    endpoint_ = std::make_unique<FakeHttpServer>([](const FakeHttpRequest&, std::size_t) {
      return FakeHttpAnswer{.status = 400, .delay = kLong};
    });
    Config config;
    config.server.listen = "127.0.0.1:0";
    config.server.workers = 2;
    config.storage.in_memory = true;
    NamespaceConfig hung;
    hung.dimension = 2;
    hung.embedder.kind = "http";
    hung.embedder.url = endpoint_->url();
    hung.embedder.model = "hung";
    hung.embedder.timeout = kLong;
    config.namespaces = {{"hung", hung}};
    auto daemon = Daemon::Start(config);
    ASSERT_THAT(daemon, IsOk());
    daemon_ = *std::move(daemon);
    const auto channel =
        grpc::CreateChannel("127.0.0.1:" + std::to_string(daemon_->server().port()),
                            grpc::InsecureChannelCredentials());
    admin_ = v1::Admin::NewStub(channel);
    cache_ = v1::Cache::NewStub(channel);
    vectors_ = v1::Vectors::NewStub(channel);
  }

  void TearDown() override {
    endpoint_.reset();  // everybody gets an answer
    for (std::thread& waiting : waiting_) {
      waiting.join();
    }
  }

  // Makes a call of a request for the hung namespace, on a thread of its own.
  template <typename Request, typename Call>
  void InBackground(Request request, Call make) {
    waiting_.emplace_back([request = std::move(request), make]() mutable {
      request.set_namespace_("hung");
      grpc::ClientContext context;
      make(&context, request);
    });
  }

  // As above, as the only item of a stream.
  template <typename Response, typename Item, typename Open>
  void InStream(Item item, Open open) {
    item.mutable_request()->set_namespace_("hung");
    waiting_.emplace_back([item = std::move(item), open] {
      grpc::ClientContext context;
      const auto stream = open(&context);
      stream->Write(item);
      stream->WritesDone();
      Response response;
      while (stream->Read(&response)) {
      }
      stream->Finish();
    });
  }

  std::uint64_t QueuedCalls() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    v1::StatsResponse stats;
    EXPECT_TRUE(admin_->Stats(&context, v1::StatsRequest(), &stats).ok());
    return stats.queued_calls();
  }

  std::unique_ptr<FakeHttpServer> endpoint_;
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<v1::Cache::Stub> cache_;
  std::unique_ptr<v1::Vectors::Stub> vectors_;
  std::vector<std::thread> waiting_;
};

TEST_F(HungEmbedderTest, ALookupThatMayNotWaitIsRefusedAtOnce) {
  v1::LookupRequest request;
  request.set_namespace_("hung");
  request.mutable_prompt()->set_slot("a text");
  request.mutable_options()->set_non_blocking(true);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  v1::LookupResponse response;
  EXPECT_EQ(cache_->Lookup(&context, request, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HungEmbedderTest, CallsThatBringAVectorGoOn) {
  v1::LookupRequest lookup;
  lookup.mutable_prompt()->set_slot("a text");
  InBackground(lookup, [this](grpc::ClientContext* context, const v1::LookupRequest& request) {
    v1::LookupResponse response;
    cache_->Lookup(context, request, &response);
  });
  v1::LookupBatchRequest lookups;
  lookups.add_prompts()->CopyFrom(lookup.prompt());
  InBackground(lookups,
               [this](grpc::ClientContext* context, const v1::LookupBatchRequest& request) {
                 v1::LookupBatchResponse response;
                 cache_->LookupBatch(context, request, &response);
               });
  v1::StoreRequest store;
  store.mutable_item()->mutable_prompt()->set_slot("a text");
  store.mutable_item()->set_answer("an answer");
  InBackground(store, [this](grpc::ClientContext* context, const v1::StoreRequest& request) {
    v1::StoreResponse response;
    cache_->Store(context, request, &response);
  });
  v1::StoreBatchRequest stores;
  *stores.add_items() = store.item();
  InBackground(stores, [this](grpc::ClientContext* context, const v1::StoreBatchRequest& request) {
    v1::StoreBatchResponse response;
    cache_->StoreBatch(context, request, &response);
  });
  v1::EmbedRequest embed;
  embed.add_texts("a text");
  InBackground(embed, [this](grpc::ClientContext* context, const v1::EmbedRequest& request) {
    v1::EmbedResponse response;
    vectors_->Embed(context, request, &response);
  });
  v1::LookupStreamRequest lookup_item;
  *lookup_item.mutable_request() = lookup;
  InStream<v1::LookupStreamResponse>(
      lookup_item, [this](grpc::ClientContext* context) { return cache_->LookupStream(context); });
  v1::StoreStreamRequest store_item;
  *store_item.mutable_request() = stores;
  InStream<v1::StoreStreamResponse>(
      store_item, [this](grpc::ClientContext* context) { return cache_->StoreStream(context); });
  EXPECT_TRUE(Eventually([this] { return QueuedCalls() == waiting_.size() - 1; }, kDeadline))
      << "one of them waits for the endpoint";

  store.set_namespace_("hung");
  store.mutable_item()->mutable_prompt()->set_vector(std::string("\0\0\x80\x3f\0\0\0\0", 8));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  v1::StoreResponse stored;
  const grpc::Status status = cache_->Store(&context, store, &stored);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

}  // namespace
}  // namespace nearhit::server
