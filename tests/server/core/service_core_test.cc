#include "server/core/service_core.h"

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <latch>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

class ServiceCoreTest : public testing::Test {
 protected:
  explicit ServiceCoreTest(const ServerOptions& options = {}) : core_(db_.get(), options, "") {}

  static std::unique_ptr<Database> NewDatabase() {
    DatabaseOptions options;
    options.in_memory = true;
    options.background_maintenance = false;
    return *Database::Open(options);
  }
  static NamespaceConfig Config(const std::string& embedder) {
    NamespaceConfig config;
    config.embedder.kind = embedder;
    config.dimension = 384;
    return config;
  }
  static NamespaceConfig Endpoint() {
    NamespaceConfig config = Config("http");
    config.embedder.url = "http://127.0.0.1:1/v1/embeddings";
    config.embedder.model = "m";
    return config;
  }
  NamespaceConfig WithKey() {
    const std::filesystem::path file = dir_.path() / "key";
    std::ofstream(file) << "secret";
    NamespaceConfig config = Endpoint();
    config.embedder.api_key_file = file;
    return config;
  }

  const TempDir dir_;
  const std::unique_ptr<Database> db_ = NewDatabase();
  ServiceCore core_;
};

ServerOptions KeysAllowed() {
  ServerOptions options;
  options.allow_embedder_keys = true;
  return options;
}

ServerOptions SmallMessages() {
  ServerOptions options;
  options.max_message_bytes = 4'096;
  return options;
}

class ServiceCoreWithKeysTest : public ServiceCoreTest {
 protected:
  ServiceCoreWithKeysTest() : ServiceCoreTest(KeysAllowed()) {}
};

class ServiceCoreWithSmallMessagesTest : public ServiceCoreTest {
 protected:
  ServiceCoreWithSmallMessagesTest() : ServiceCoreTest(SmallMessages()) {}
};

TEST_F(ServiceCoreTest, ACallerNamesNoCredential) {
  EXPECT_THAT(core_.CreateNamespace("n", WithKey()),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("api_key_file")));
  ASSERT_THAT(core_.CreateNamespace("n", Config("none")), IsOk());
  NamespaceUpdate update;
  update.embedder = WithKey().embedder;
  update.reembed = true;
  EXPECT_THAT(core_.UpdateNamespace("n", update),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("api_key_env")));
}

TEST_F(ServiceCoreWithKeysTest, ACallerNamesACredentialWhereTheServerAllowsIt) {
  EXPECT_THAT(core_.CreateNamespace("n", WithKey()), IsOk());
}

TEST_F(ServiceCoreTest, ACallPastItsDeadlineIsRefusedAndCounted) {
  EXPECT_THAT(core_.CheckWanted({}), IsOk());
  EXPECT_THAT(core_.CheckWanted({.deadline = std::chrono::steady_clock::now()}),
              StatusIs(StatusCode::kDeadlineExceeded));
  EXPECT_THAT(core_.CheckWanted({.cancelled = [] { return true; }}),
              StatusIs(StatusCode::kCancelled));
  EXPECT_EQ(core_.Stats().expired_calls, 1U);
}

TEST_F(ServiceCoreTest, OnlyTextsForAnEmbedderThatMayBlockTakeItsLane) {
  ASSERT_THAT(core_.CreateNamespace("words", Config("lexical")), IsOk());
  ASSERT_THAT(core_.CreateNamespace("endpoint", Endpoint()), IsOk());
  EXPECT_EQ(core_.LaneOf("words", true), Lane::kStorage);
  EXPECT_EQ(core_.LaneOf("endpoint", true), Lane::kEmbedding);
  EXPECT_EQ(core_.LaneOf("endpoint", false), Lane::kStorage);
  EXPECT_EQ(core_.LaneOf("missing", true), Lane::kStorage);
}

TEST_F(ServiceCoreWithSmallMessagesTest, VectorsThatDoNotFitAMessageAreNotMade) {
  ASSERT_THAT(core_.CreateNamespace("words", Config("lexical")), IsOk());
  const std::array<std::string_view, 3> texts = {"one", "two", "three"};
  EXPECT_THAT(core_.Embed("words", std::span(texts).first(2), TimePoint::max()), IsOk());
  EXPECT_THAT(core_.Embed("words", texts, TimePoint::max()),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("4608")));
}

TEST_F(ServiceCoreTest, ALookupThatMayNotBlockHasNoRest) {
  ASSERT_THAT(core_.CreateNamespace("endpoint", Endpoint()), IsOk());
  std::unique_ptr<PendingLookup> rest;
  LookupOptions options;
  options.non_blocking = true;
  EXPECT_THAT(core_.TryLookup("endpoint", {.slot = "text"}, options, &rest),
              StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(rest, nullptr);
  options.non_blocking = false;
  EXPECT_THAT(core_.TryLookup("endpoint", {.slot = "text"}, options, &rest),
              StatusIs(StatusCode::kWouldBlock));
  ASSERT_NE(rest, nullptr);
  EXPECT_EQ(ServiceCore::LaneOf(*rest), Lane::kEmbedding);
}

TEST_F(ServiceCoreTest, AFullQueueRefuses) {
  ServerOptions options;
  options.workers = 1;
  options.max_queue = 1;
  ServiceCore small(db_.get(), options, "");
  std::latch begun(1);
  std::latch release(1);
  ASSERT_THAT(small.Submit(Lane::kStorage, {},
                           [&] {
                             begun.count_down();
                             release.wait();
                           }),
              IsOk());
  begun.wait();
  EXPECT_THAT(small.Submit(Lane::kStorage, {}, [] {}), IsOk());
  EXPECT_THAT(small.Submit(Lane::kStorage, {}, [] {}), StatusIs(StatusCode::kResourceExhausted));
  EXPECT_EQ(small.Stats().refused_calls, 1U);
  release.count_down();
  EXPECT_THAT(small.Stop(/*closes=*/false), IsOk());
}

}  // namespace
}  // namespace nearhit::server
