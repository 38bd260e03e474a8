#include <chrono>
#include <future>
#include <limits>

#include "tests/engine/database/open_database.h"
#include "tests/engine/database/scripted_embedder.h"

namespace nearhit {
namespace {

using testing::HasSubstr;

class NamespaceTest : public DatabaseTest {};

TEST_F(NamespaceTest, CreatesListsDescribesAndDrops) {
  ASSERT_THAT(db_->CreateNamespace("b", CacheConfig()), IsOk());
  ASSERT_THAT(db_->CreateNamespace("a", CacheConfig()), IsOk());
  const auto list = *db_->ListNamespaces();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].name, "a");
  EXPECT_THAT(db_->CreateNamespace("a", CacheConfig()), StatusIs(StatusCode::kAlreadyExists));
  const auto cache = *db_->Cache("a");
  ASSERT_THAT(db_->DropNamespace("a"), IsOk());
  EXPECT_THAT(db_->DescribeNamespace("a"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(db_->Cache("a"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(cache->Get(EntryId{1}), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(db_->DropNamespace("a"), StatusIs(StatusCode::kNotFound));
}

TEST_F(NamespaceTest, ADroppedNamespaceLeavesNothingForOneOfTheSameName) {
  const std::vector<float> vector = {1, 0};
  ASSERT_THAT(NewCache(CacheConfig())->Store(Request("q", vector)), IsOk());
  ASSERT_THAT(db_->DropNamespace("c"), IsOk());
  const auto again = NewCache(CacheConfig());
  EXPECT_EQ(again->Lookup({.scope = "s", .slot = "q"}, {})->kind, HitKind::kMiss);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(db_->Stats().entries, 0U);
}

TEST_F(NamespaceTest, BadNamesAreRefused) {
  for (const std::string& name : {std::string(), std::string("A"), std::string("a b"),
                                  std::string("-a"), std::string("a/b"), std::string(65, 'a')}) {
    EXPECT_THAT(db_->CreateNamespace(name, CacheConfig()), StatusIs(StatusCode::kInvalidArgument))
        << name;
  }
  EXPECT_THAT(db_->CreateNamespace(std::string(64, 'a'), CacheConfig()), IsOk());
}

TEST_F(NamespaceTest, ABudgetMayBeAnyNumber) {
  NamespaceConfig config;
  config.dimension = 2;
  config.max_entries = std::numeric_limits<std::uint64_t>::max();
  config.max_bytes = config.max_entries;
  EXPECT_THAT(db_->CreateNamespace("huge", config), IsOk());
}

TEST_F(NamespaceTest, BadConfigurationsAreRefused) {
  const auto refused = [this](const std::function<void(NamespaceConfig*)>& change,
                              const char* message) {
    NamespaceConfig config = CacheConfig();
    change(&config);
    EXPECT_THAT(db_->CreateNamespace("x", config),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refused([](NamespaceConfig* c) { c->dimension = kMaxDimension + 1; }, "dimension is 8193");
  refused([](NamespaceConfig* c) { c->threshold = 1.5F; }, "threshold is 1.5");
  refused([](NamespaceConfig* c) { c->metric = static_cast<Metric>(7); }, "metric 7 is unknown");
  refused([](NamespaceConfig* c) { c->default_ttl_ms = -5; }, "default_ttl_ms is -5");
  refused([](NamespaceConfig* c) { c->embedder.kind = "magic"; }, "kind");
  refused([](NamespaceConfig* c) { c->max_ttl_ms = 5; }, "default_ttl_ms is 0");
  refused(
      [](NamespaceConfig* c) {
        c->kind = NamespaceKind::kVectors;
        c->dimension = 0;
      },
      "dimension is 0");
}

TEST_F(NamespaceTest, HandlesAreOfTheNamespacesKind) {
  NamespaceConfig vectors = CacheConfig();
  vectors.kind = NamespaceKind::kVectors;
  ASSERT_THAT(db_->CreateNamespace("v", vectors), IsOk());
  EXPECT_THAT(db_->Cache("v"), StatusIs(StatusCode::kFailedPrecondition));
  ASSERT_THAT(db_->CreateNamespace("c", CacheConfig()), IsOk());
  EXPECT_THAT(db_->Vectors("c"), StatusIs(StatusCode::kFailedPrecondition));
}

TEST_F(NamespaceTest, UpdatesTakeEffect) {
  const std::vector<float> east = {1, 0};
  const std::vector<float> near = {1, 0.2F};
  const auto cache = NewCache(CacheConfig());
  ASSERT_THAT(cache->Store(Request("q", east)), IsOk());
  EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "x", .vector = near}, {})->kind,
            HitKind::kSemantic);
  NamespaceUpdate update;
  update.threshold = 0.999F;
  ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "x", .vector = near}, {})->kind, HitKind::kMiss);
  EXPECT_EQ(db_->DescribeNamespace("c")->config.threshold, 0.999F);
}

// A call that waits for its embedder would hold up the update, and behind it every other call.
TEST_F(NamespaceTest, AnUpdateWaitsForNoCall) {
  RegisterScriptedEmbedder();
  std::promise<void> asked;
  std::promise<void> answer;
  EmbedderScript::Get().Reset([&](const std::string&, EmbedderScript::Texts) {
    asked.set_value();
    answer.get_future().wait();
    return Status();
  });
  NamespaceConfig config;
  config.embedder = ScriptedSpec("slow");
  const auto cache = NewCache(config);
  auto slow = std::async(std::launch::async, [&] {
    return cache->Lookup({.scope = "s", .slot = "by text"}, {}).status();
  });
  asked.get_future().wait();
  auto updated = std::async(std::launch::async, [&] {
    NamespaceUpdate update;
    update.default_ttl_ms = 1'000;
    return db_->UpdateNamespace("c", update);
  });
  EXPECT_EQ(updated.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  answer.set_value();
  EXPECT_THAT(updated.get(), IsOk());
  EXPECT_THAT(slow.get(), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("c")->config.default_ttl_ms, 1'000);
  EmbedderScript::Get().Reset();
}

// The entries that were there have been gone through when such a store comes to write.
TEST_F(NamespaceTest, AnIdleTtlIsForStoresThatAreUnderWayToo) {
  RegisterScriptedEmbedder();
  NamespaceConfig config;
  config.embedder = ScriptedSpec("slow");
  const auto cache = NewCache(config);
  EmbedderScript::Get().Reset([&](const std::string&, EmbedderScript::Texts) {
    const auto update = [this] {
      NamespaceUpdate idle;
      idle.idle_ttl_ms = 1'000;
      return db_->UpdateNamespace("c", idle);
    };
    EXPECT_THAT(std::async(std::launch::async, update).get(), IsOk());
    return Status();
  });
  const Prompt prompt{.scope = "s", .slot = "by text"};
  StoreRequest request;
  request.prompt = prompt;
  ASSERT_THAT(cache->Store(request), IsOk());
  EmbedderScript::Get().Reset();
  clock_.AdvanceMillis(1'001);
  EXPECT_EQ(cache->Lookup(prompt, {.exact_only = true})->miss_reason, MissReason::kExpired);
}

TEST_F(NamespaceTest, AnotherEmbedderNeedsReembedding) {
  const std::vector<float> east = {1, 0};
  const auto cache = NewCache(CacheConfig());
  const auto stored = cache->Store(Request("how do I reset my password", east, "a", "s"));
  ASSERT_THAT(stored, IsOk());
  NamespaceUpdate update;
  update.embedder = EmbedderSpec{};
  update.embedder->kind = "lexical";
  EXPECT_THAT(db_->UpdateNamespace("c", update), testing::Not(IsOk()));
  update.dimension = 384;
  update.reembed = true;
  ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("c")->config.dimension, 2U);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("c")->config.dimension, 384U);
  const auto hit = cache->Lookup({.scope = "s", .slot = "How do I reset my password"}, {});
  ASSERT_THAT(hit, IsOk());
  EXPECT_EQ(hit->kind, HitKind::kSemantic);
  EXPECT_EQ(hit->id, stored->id);
}

TEST_F(NamespaceTest, HandlesOutliveTheDatabaseAsErrors) {
  const auto cache = NewCache(CacheConfig());
  db_.reset();
  EXPECT_THAT(cache->Get(EntryId{1}), StatusIs(StatusCode::kUnavailable));
}

}  // namespace
}  // namespace nearhit
