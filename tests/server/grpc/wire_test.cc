// What goes over the wire wrong: bad items between good ones, enum values of nobody.
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/daemon_fixture.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

class WireTest : public DaemonFixture {
 protected:
  void SetUp() override {
    NamespaceConfig points;
    points.kind = NamespaceKind::kVectors;
    points.dimension = 2;
    Config config;
    config.namespaces = {{"support", EmbeddedBy("lexical")}, {"points", points}};
    Start(config);
  }
};

TEST_F(WireTest, BadLookupsOfAStreamFailAlone) {
  const std::string question = "How do I reset my password?";
  ASSERT_TRUE(client().Store("support", question, "Use the link.").ok());

  const v1::LookupRequest good = LookupOf("support", question);
  v1::LookupRequest nowhere = good;
  nowhere.set_namespace_("missing");
  v1::LookupRequest torn = good;
  torn.mutable_prompt()->set_vector("abc");
  v1::LookupRequest empty = good;
  empty.mutable_prompt()->clear_slot();
  v1::LookupRequest wrong_kind = good;
  wrong_kind.set_namespace_("points");

  grpc::ClientContext call;
  auto stream = client().cache()->LookupStream(&call);
  std::uint64_t sequence = 0;
  for (int round = 0; round < 30; ++round) {
    for (const v1::LookupRequest& request : {good, nowhere, torn, empty, wrong_kind}) {
      ASSERT_TRUE(stream->Write(StreamItem(sequence++, request)));
    }
  }
  ASSERT_TRUE(stream->Write(StreamItem(sequence++, good)));
  stream->WritesDone();
  const int codes[] = {0, 5, 3, 3, 9};  // of google.rpc.Code
  std::map<std::uint64_t, int> answers;
  for (const v1::LookupStreamResponse& answer : ReadRest(stream.get())) {
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
  EXPECT_EQ(answers.size(), sequence);
  EXPECT_THAT(answers, testing::Each(testing::Pair(testing::Lt(sequence), 1)));
}

TEST_F(WireTest, BadBatchOfAStoreStreamFailsAloneAndWhole) {
  grpc::ClientContext call;
  auto stream = client().cache()->StoreStream(&call);
  for (std::uint64_t i = 0; i < 3; ++i) {
    v1::StoreStreamRequest message;
    message.set_sequence(i);
    message.mutable_request()->set_namespace_("support");
    *message.mutable_request()->add_items() = ItemOf("one " + std::to_string(i), "answer");
    *message.mutable_request()->add_items() = ItemOf("two " + std::to_string(i), "answer");
    if (i == 1) {
      message.mutable_request()->mutable_items(1)->mutable_prompt()->set_vector("abc");
    }
    ASSERT_TRUE(stream->Write(message));
  }
  stream->WritesDone();
  const std::vector<v1::StoreStreamResponse> answers = ReadRest(stream.get());
  EXPECT_EQ(answers.size(), 3U);
  for (const v1::StoreStreamResponse& answer : answers) {
    if (answer.sequence() == 1) {
      EXPECT_EQ(answer.error().code(), 3);
      EXPECT_THAT(answer.error().message(), HasSubstr("items[1]: prompt.vector has 3 bytes"));
    } else {
      EXPECT_EQ(answer.response().results_size(), 2);
    }
  }
  const auto page = client().Scan("support");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->entries_size(), 4);  // nothing of the bad batch
}

TEST_F(WireTest, EmbedGivesTheVectorsThatLookupsUse) {
  const auto made = client().Call(
      EmbedOf("support", {"How do I reset my password?", "how do i RESET my password"}));
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->embedder_identity(), "lexical/v1/384");
  ASSERT_EQ(made->vectors_size(), 2);
  EXPECT_EQ(made->vectors(0).size(), 4U * 384);
  EXPECT_EQ(made->vectors(0), made->vectors(1));  // case is nothing to this embedder
}

TEST_F(WireTest, EmbedRefusesByCode) {
  const auto embed = [this](const std::string& name, const std::string& text, int timeout_ms) {
    return client().Call(EmbedOf(name, {text}), std::chrono::milliseconds(timeout_ms)).code();
  };
  EXPECT_EQ(embed("support", "a", 60'000), grpc::StatusCode::OK);
  EXPECT_EQ(embed("support", "", 60'000), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(embed("points", "a", 60'000), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(embed("missing", "a", 60'000), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(embed("support", "a", -1), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(WireTest, UnknownEnumValuesAreRefusedByName) {
  const auto unknown_durability = static_cast<v1::Durability>(77);
  const auto expect = [this](const auto& request, const std::string& field) {
    const auto answer = client().Call(request);
    EXPECT_EQ(answer.code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(answer.text(), HasSubstr(field + " has the unknown value 77"));
  };
  v1::StoreRequest store = StoreOf("support", "question", "answer");
  store.mutable_item()->set_durability(unknown_durability);
  expect(store, "durability");
  v1::DeleteRequest erase;
  erase.set_namespace_("support");
  erase.set_durability(unknown_durability);
  expect(erase, "durability");
  v1::UpsertRequest upsert;
  upsert.set_namespace_("points");
  upsert.set_durability(unknown_durability);
  expect(upsert, "durability");
  v1::UpdateNamespaceRequest update;
  update.set_name("support");
  update.set_durability(unknown_durability);
  expect(update, "durability");
  v1::CreateNamespaceRequest unknown_metric;
  unknown_metric.set_name("new");
  unknown_metric.mutable_config()->set_metric(static_cast<v1::Metric>(77));
  expect(unknown_metric, "metric");
  v1::CreateNamespaceRequest unknown_kind;
  unknown_kind.set_name("new");
  unknown_kind.mutable_config()->set_kind(static_cast<v1::NamespaceKind>(77));
  expect(unknown_kind, "kind");
}

}  // namespace
}  // namespace nearhit::server
