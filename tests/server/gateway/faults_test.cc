// Whatever breaks in the cache, requests are answered.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "nearhit/embedder.h"
#include "tests/server/gateway/crowd.h"

namespace nearhit::server {
namespace {

constexpr std::size_t kRequests = 1'000;

// Hangs, whatever its deadline, until it is let go.
class HangingEmbedder final : public Embedder {
 public:
  ~HangingEmbedder() override = default;
  std::string_view identity() const override { return "hanging/1"; }
  std::size_t dimension() const override { return 8; }
  bool may_block() const override { return true; }
  Result<std::vector<float>> Embed(std::span<const std::string_view>,
                                   std::chrono::steady_clock::time_point) const override {
    MutexLock lock(&mu_);
    while (!gone_) {
      changed_.Wait(&mu_);
    }
    return Unavailable("it hung");
  }
  void LetGo() {
    MutexLock lock(&mu_);
    gone_ = true;
    changed_.NotifyAll();
  }

 private:
  mutable Mutex mu_;
  mutable CondVar changed_;
  bool gone_ NEARHIT_GUARDED_BY(mu_) = false;
};

class FaultsTest : public GatewayTest {
 protected:
  // All are answered by the provider.
  void AskMany() {
    std::vector<AsyncHttpRequest> requests;
    requests.reserve(kRequests);
    for (std::size_t i = 0; i < kRequests; ++i) {
      requests.push_back({.url = url(kChat),
                          .headers = {{.name = "content-type", .value = "application/json"}},
                          .body = std::make_shared<const std::string>(
                              ChatRequest("Question " + std::to_string(i)))});
    }
    const std::size_t before = calls();
    Crowd crowd(kRequests);
    for (const GatewayReply& reply : crowd.Ask(std::move(requests))) {
      ASSERT_EQ(reply.status, 200);
      ASSERT_EQ(reply.body, ChatBody("Hello."));
    }
    EXPECT_EQ(calls() - before, kRequests);
  }
  static FakeHttpAnswer Hello(const FakeHttpRequest&, std::size_t) {
    return Json(ChatBody("Hello."));
  }
};

TEST_F(FaultsTest, AnEmbedderThatHangsStopsNoRequest) {
  for (const float coalesce_threshold : {0.0F, 0.9F}) {
    const auto embedder = std::make_shared<HangingEmbedder>();
    RegisterEmbedder("hanging", [embedder](const EmbedderSpec&, std::size_t) {
      return Result<std::shared_ptr<const Embedder>>(embedder);
    });
    Serve(&Hello, [this, coalesce_threshold](GatewayOptions* options) {
      NamespaceConfig config;
      config.embedder.kind = "hanging";
      ASSERT_THAT(db_->CreateNamespace("hanging", config), IsOk());
      options->name_space = "hanging";
      options->lookup_timeout_ms = 50;
      options->coalesce_threshold = coalesce_threshold;
    });
    AskMany();
    embedder->LetGo();
    TearDown();
  }
}

TEST_F(FaultsTest, ANamespaceThatIsGoneStopsNoRequest) {
  Serve(&Hello);
  ASSERT_THAT(db_->DropNamespace("gateway"), IsOk());
  AskMany();
  EXPECT_THAT(Send("GET", "/metrics", "").body,
              testing::Not(testing::HasSubstr("nearhit_gateway_unstored_total 0\n")));
}

}  // namespace
}  // namespace nearhit::server
