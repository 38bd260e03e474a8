// What goes over the wire wrong: bad items between good ones, enum values of nobody.
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

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

class WireTest : public testing::Test {
 protected:
  void SetUp() override {
    Config config;
    config.server.listen = "127.0.0.1:0";
    config.storage.in_memory = true;
    NamespaceConfig lexical;
    lexical.embedder.kind = "lexical";
    NamespaceConfig points;
    points.kind = NamespaceKind::kVectors;
    points.dimension = 2;
    config.namespaces = {{"support", lexical}, {"points", points}};
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

  static v1::StoreItem Item(const std::string& slot) {
    v1::StoreItem item;
    item.mutable_prompt()->set_slot(slot);
    item.set_answer("answer to " + slot);
    return item;
  }

  // Sends one question of a stream; `request` says what is wrong with it.
  static void Ask(grpc::ClientReaderWriter<v1::LookupStreamRequest, v1::LookupStreamResponse>* to,
                  std::uint64_t sequence, const v1::LookupRequest& request) {
    v1::LookupStreamRequest message;
    message.set_sequence(sequence);
    *message.mutable_request() = request;
    ASSERT_TRUE(to->Write(message));
  }

  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<v1::Cache::Stub> cache_;
  std::unique_ptr<v1::Vectors::Stub> vectors_;
};

TEST_F(WireTest, BadLookupsOfAStreamFailAlone) {
  grpc::ClientContext store_call;
  v1::StoreRequest store;
  store.set_namespace_("support");
  *store.mutable_item() = Item("How do I reset my password?");
  v1::StoreResponse stored;
  ASSERT_TRUE(cache_->Store(&store_call, store, &stored).ok());

  v1::LookupRequest good;
  good.set_namespace_("support");
  good.mutable_prompt()->set_slot("How do I reset my password?");
  v1::LookupRequest nowhere = good;
  nowhere.set_namespace_("missing");
  v1::LookupRequest torn = good;
  torn.mutable_prompt()->set_vector("abc");
  v1::LookupRequest empty = good;
  empty.mutable_prompt()->clear_slot();
  v1::LookupRequest wrong_kind = good;
  wrong_kind.set_namespace_("points");

  grpc::ClientContext call;
  auto stream = cache_->LookupStream(&call);
  std::uint64_t sequence = 0;
  for (int round = 0; round < 30; ++round) {
    for (const v1::LookupRequest& request : {good, nowhere, torn, empty, wrong_kind}) {
      Ask(stream.get(), sequence++, request);
    }
  }
  Ask(stream.get(), sequence++, good);
  stream->WritesDone();
  const int codes[] = {0, 5, 3, 3, 9};  // of google.rpc.Code
  std::map<std::uint64_t, int> answers;
  v1::LookupStreamResponse answer;
  while (stream->Read(&answer)) {
    const int wanted = codes[answer.sequence() % 5];
    EXPECT_EQ(answer.error().code(), wanted) << answer.error().message();
    if (wanted == 0) {
      EXPECT_EQ(answer.response().result().kind(), v1::HIT_KIND_EXACT);
    } else {
      EXPECT_FALSE(answer.has_response());
      EXPECT_THAT(answer.error().message(), testing::Not(HasSubstr("password")));
    }
    ++answers[answer.sequence()];
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answers.size(), sequence);
  EXPECT_THAT(answers, testing::Each(testing::Pair(testing::Lt(sequence), 1)));
}

TEST_F(WireTest, BadBatchOfAStoreStreamFailsAloneAndWhole) {
  grpc::ClientContext call;
  auto stream = cache_->StoreStream(&call);
  for (std::uint64_t i = 0; i < 3; ++i) {
    v1::StoreStreamRequest message;
    message.set_sequence(i);
    message.mutable_request()->set_namespace_("support");
    *message.mutable_request()->add_items() = Item("one " + std::to_string(i));
    *message.mutable_request()->add_items() = Item("two " + std::to_string(i));
    if (i == 1) {
      message.mutable_request()->mutable_items(1)->mutable_prompt()->set_vector("abc");
    }
    ASSERT_TRUE(stream->Write(message));
  }
  stream->WritesDone();
  v1::StoreStreamResponse answer;
  int answers = 0;
  while (stream->Read(&answer)) {
    ++answers;
    if (answer.sequence() == 1) {
      EXPECT_EQ(answer.error().code(), 3);
      EXPECT_THAT(answer.error().message(), HasSubstr("items[1]: prompt.vector has 3 bytes"));
    } else {
      EXPECT_EQ(answer.response().results_size(), 2);
    }
  }
  EXPECT_EQ(answers, 3);
  EXPECT_TRUE(stream->Finish().ok());
  grpc::ClientContext scan_call;
  v1::ScanRequest scan;
  scan.set_namespace_("support");
  v1::ScanResponse page;
  ASSERT_TRUE(cache_->Scan(&scan_call, scan, &page).ok());
  EXPECT_EQ(page.entries_size(), 4);  // nothing of the bad batch
}

TEST_F(WireTest, EmbedGivesTheVectorsThatLookupsUse) {
  v1::EmbedRequest request;
  request.set_namespace_("support");
  request.add_texts("How do I reset my password?");
  request.add_texts("how do i RESET my password");
  v1::EmbedResponse made;
  grpc::ClientContext call;
  ASSERT_TRUE(vectors_->Embed(&call, request, &made).ok());
  EXPECT_EQ(made.embedder_identity(), "lexical/v1/384");
  ASSERT_EQ(made.vectors_size(), 2);
  EXPECT_EQ(made.vectors(0).size(), 4U * 384);
  EXPECT_EQ(made.vectors(0), made.vectors(1));  // case is nothing to this embedder
}

TEST_F(WireTest, EmbedRefusesByCode) {
  const auto embed = [this](const std::string& name, const std::string& text, int timeout_ms) {
    v1::EmbedRequest request;
    request.set_namespace_(name);
    request.add_texts(text);
    v1::EmbedResponse made;
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
    return vectors_->Embed(&call, request, &made).error_code();
  };
  EXPECT_EQ(embed("support", "a", 60'000), grpc::StatusCode::OK);
  EXPECT_EQ(embed("support", "", 60'000), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(embed("points", "a", 60'000), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(embed("missing", "a", 60'000), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(embed("support", "a", -1), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(WireTest, UnknownEnumValuesAreRefusedByName) {
  const auto unknown_durability = static_cast<v1::Durability>(77);
  const auto expect = [](const grpc::Status& status, const std::string& field) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr(field + " has the unknown value 77"));
  };
  {
    grpc::ClientContext call;
    v1::StoreRequest request;
    request.set_namespace_("support");
    *request.mutable_item() = Item("question");
    request.mutable_item()->set_durability(unknown_durability);
    v1::StoreResponse response;
    expect(cache_->Store(&call, request, &response), "durability");
  }
  {
    grpc::ClientContext call;
    v1::DeleteRequest request;
    request.set_namespace_("support");
    request.set_durability(unknown_durability);
    v1::DeleteResponse response;
    expect(cache_->Delete(&call, request, &response), "durability");
  }
  {
    grpc::ClientContext call;
    v1::UpsertRequest request;
    request.set_namespace_("points");
    request.set_durability(unknown_durability);
    v1::UpsertResponse response;
    expect(vectors_->Upsert(&call, request, &response), "durability");
  }
  {
    grpc::ClientContext call;
    v1::UpdateNamespaceRequest request;
    request.set_name("support");
    request.set_durability(unknown_durability);
    v1::UpdateNamespaceResponse response;
    expect(admin_->UpdateNamespace(&call, request, &response), "durability");
  }
  {
    grpc::ClientContext call;
    v1::CreateNamespaceRequest request;
    request.set_name("new");
    request.mutable_config()->set_metric(static_cast<v1::Metric>(77));
    v1::CreateNamespaceResponse response;
    expect(admin_->CreateNamespace(&call, request, &response), "metric");
  }
  {
    grpc::ClientContext call;
    v1::CreateNamespaceRequest request;
    request.set_name("new");
    request.mutable_config()->set_kind(static_cast<v1::NamespaceKind>(77));
    v1::CreateNamespaceResponse response;
    expect(admin_->CreateNamespace(&call, request, &response), "kind");
  }
}

}  // namespace
}  // namespace nearhit::server
