// An embedding endpoint that does not answer: callers who bring a vector do not wait for it.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/daemon_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_http_server.h"

namespace nearhit::server {
namespace {

constexpr std::chrono::minutes kLong{10};
constexpr std::chrono::seconds kDeadline{60};

class HungEmbedderTest : public DaemonFixture {
 protected:
  void SetUp() override {
    setenv("no_proxy", "127.0.0.1", 1);
    endpoint_ = std::make_unique<FakeHttpServer>([](const FakeHttpRequest&, std::size_t) {
      return FakeHttpAnswer{.status = 400, .delay = kLong};
    });
    Config config;
    config.server.workers = 2;
    NamespaceConfig hung = EmbeddedBy("http");
    hung.dimension = 2;
    hung.embedder.url = endpoint_->url();
    hung.embedder.model = "hung";
    hung.embedder.timeout = kLong;
    config.namespaces = {{"hung", hung}};
    Start(config);
  }

  void TearDown() override {
    endpoint_.reset();  // everybody gets an answer
    for (std::thread& waiting : waiting_) {
      waiting.join();
    }
  }

  template <typename Request>
  void InBackground(const Request& request) {
    waiting_.emplace_back([this, request] { client().Call(request, kLong); });
  }

  // As the only item of a stream.
  template <typename Item, typename Open>
  void InStream(const Item& item, Open open) {
    waiting_.emplace_back([this, item, open] {
      grpc::ClientContext context;
      const auto stream = (client().cache()->*open)(&context);
      stream->Write(item);
      stream->WritesDone();
      ReadRest(stream.get());
    });
  }

  std::uint64_t QueuedCalls() {
    const auto stats = client().Stats();
    EXPECT_TRUE(stats.ok());
    return stats->queued_calls();
  }

  std::unique_ptr<FakeHttpServer> endpoint_;
  std::vector<std::thread> waiting_;
};

TEST_F(HungEmbedderTest, ALookupThatMayNotWaitIsRefusedAtOnce) {
  v1::LookupRequest request = LookupOf("hung", "a text");
  request.mutable_options()->set_non_blocking(true);
  EXPECT_EQ(client().Call(request, kDeadline).code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HungEmbedderTest, CallsThatBringAVectorGoOn) {
  const v1::LookupRequest lookup = LookupOf("hung", "a text");
  InBackground(lookup);
  v1::LookupBatchRequest lookups;
  lookups.set_namespace_("hung");
  *lookups.add_prompts() = lookup.prompt();
  InBackground(lookups);
  v1::StoreRequest store = StoreOf("hung", "a text", "an answer");
  InBackground(store);
  v1::StoreBatchRequest stores;
  stores.set_namespace_("hung");
  *stores.add_items() = store.item();
  InBackground(stores);
  InBackground(EmbedOf("hung", {"a text"}));
  InStream(StreamItem(0, lookup), &v1::Cache::Stub::LookupStream);
  v1::StoreStreamRequest store_item;
  *store_item.mutable_request() = stores;
  InStream(store_item, &v1::Cache::Stub::StoreStream);
  EXPECT_TRUE(Eventually([this] { return QueuedCalls() == waiting_.size() - 1; }, kDeadline))
      << "one of them waits for the endpoint";

  store.mutable_item()->mutable_prompt()->set_vector(std::string("\0\0\x80\x3f\0\0\0\0", 8));
  const auto stored = client().Call(store, kDeadline);
  EXPECT_TRUE(stored.ok()) << stored.text();
}

}  // namespace
}  // namespace nearhit::server
