#include "nearhit/vector_store.h"

#include <cmath>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/database/open_database.h"

namespace nearhit {
namespace {

class VectorStoreTest : public DatabaseTest {
 protected:
  static NamespaceConfig Config(Metric metric) {
    NamespaceConfig config = CacheConfig();
    config.kind = NamespaceKind::kVectors;
    config.metric = metric;
    config.threshold = 0.5F;
    return config;
  }
  std::shared_ptr<VectorStore> Make(const NamespaceConfig& config) {
    EXPECT_THAT(db_->CreateNamespace("v", config), IsOk());
    return *db_->Vectors("v");
  }
  std::shared_ptr<VectorStore> Make(Metric metric) { return Make(Config(metric)); }
  std::shared_ptr<VectorStore> MakeWithRoomFor(std::uint64_t entries) {
    NamespaceConfig config = Config(Metric::kCosine);
    config.max_entries = entries;
    return Make(config);
  }
  static EntryId Upsert(VectorStore* store, std::string_view key, const std::vector<float>& vector,
                        std::vector<std::string> tags = {}) {
    UpsertRequest request;
    request.key = key;
    request.vector = vector;
    request.payload = key;
    request.tags = std::move(tags);
    return store->Upsert({&request, 1}, Durability::kDefault)->front();
  }
};

TEST_F(VectorStoreTest, SearchesByEachMetric) {
  const std::vector<float> query = {1, 0};
  const struct {
    Metric metric;
    float near_score;
  } cases[] = {{Metric::kCosine, 1.0F}, {Metric::kInnerProduct, 2.0F}, {Metric::kL2, 0.5F}};
  for (const auto& [metric, near_score] : cases) {
    const auto store = Make(metric);
    Upsert(store.get(), "near", {2, 0});
    Upsert(store.get(), "far", {-2, 0.5F});
    VectorSearchOptions options;
    options.k = 5;
    const auto hits = store->Search(query, options);
    ASSERT_THAT(hits, IsOk());
    ASSERT_EQ(hits->size(), 2U);
    EXPECT_EQ((*hits)[0].key, "near");
    EXPECT_NEAR((*hits)[0].score, near_score, 1e-5) << MetricName(metric);
    ASSERT_THAT(db_->DropNamespace("v"), IsOk());
  }
}

// Where signs of components tell little, a scan is slow early.
TEST_F(VectorStoreTest, VectorsOfFewComponentsGetAGraphSoon) {
  constexpr std::size_t kMost = 5'000;
  const auto store = Make(Metric::kCosine);
  std::vector<std::string> keys(kMost);
  std::vector<std::vector<float>> vectors(kMost);
  std::vector<UpsertRequest> requests(kMost);
  for (std::size_t i = 0; i < kMost; ++i) {
    keys[i] = std::to_string(i);
    const float angle = static_cast<float>(i) / 1'000;
    vectors[i] = {std::cos(angle), std::sin(angle)};
    requests[i].key = keys[i];
    requests[i].vector = vectors[i];
  }
  const auto graphs = [this] {
    EXPECT_THAT(db_->RunMaintenance(), IsOk());
    return db_->DescribeNamespace("v")->stats.graph_partitions;
  };
  for (std::size_t first = 0; first < kMost; first += 1'000) {
    const auto some = std::span(requests).subspan(first, 1'000);
    EXPECT_EQ(graphs(), 0U);
    ASSERT_THAT(store->Upsert(some, Durability::kDefault), IsOk());
  }
  EXPECT_EQ(graphs(), 1U);
  EXPECT_EQ(store->Search(vectors[1'234], {})->front().key, "1234");
}

// Infinity minus infinity is no number, and scores that are none cannot be sorted.
TEST_F(VectorStoreTest, VectorsWhoseScoresCouldBeNoNumbersAreRefused) {
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
    const auto store = Make(metric);
    const std::vector<float> huge = {3e38F, -3e38F};
    UpsertRequest request;
    request.key = "k";
    request.vector = huge;
    EXPECT_THAT(store->Upsert({&request, 1}, Durability::kDefault),
                StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("is longer than 1e18")));
    EXPECT_THAT(store->Search(huge, {}), StatusIs(StatusCode::kInvalidArgument));
    Upsert(store.get(), "long", {9e17F, 0});
    Upsert(store.get(), "opposite", {-9e17F, 0});
    const std::vector<float> query = {9e17F, 1};
    const auto hits = store->Search(query, {});
    ASSERT_THAT(hits, IsOk());
    ASSERT_EQ(hits->size(), 2U);
    EXPECT_EQ((*hits)[0].key, "long");
    EXPECT_GE((*hits)[0].score, (*hits)[1].score);
    ASSERT_THAT(db_->DropNamespace("v"), IsOk());
  }
}

TEST_F(VectorStoreTest, UpsertReplacesByKeyAndGetFindsIt) {
  const auto store = Make(Metric::kCosine);
  const EntryId first = Upsert(store.get(), "k", {1, 0});
  Upsert(store.get(), "k", {0, 2});
  EXPECT_THAT(store->GetById(first), StatusIs(StatusCode::kNotFound));
  const auto entry = store->Get("k");
  ASSERT_THAT(entry, IsOk());
  EXPECT_EQ(entry->vector, (std::vector<float>{0, 1}));  // normalised under cosine
  EXPECT_EQ(entry->payload, "k");
  EXPECT_EQ(store->Scan({}, 10)->entries.size(), 1U);
  const std::string_view keys[] = {"k", "none"};
  EXPECT_THAT(store->Delete(keys, Durability::kDefault), IsOkAndHolds(1U));
  EXPECT_THAT(store->Get("k"), StatusIs(StatusCode::kNotFound));
}

TEST_F(VectorStoreTest, TagFilterFindsMatchingEntriesHoweverFar) {
  const auto store = Make(Metric::kCosine);
  for (int i = 0; i < 300; ++i) {
    Upsert(store.get(), "near" + std::to_string(i), {1, 0.001F * static_cast<float>(i)}, {"near"});
  }
  Upsert(store.get(), "a", {-1, 0}, {"far", "red"});
  Upsert(store.get(), "b", {-1, 0.1F}, {"far"});
  VectorSearchOptions options;
  options.k = 10;
  options.filter.all_of = {"far"};
  const std::vector<float> query = {1, 0};
  EXPECT_EQ(store->Search(query, options)->size(), 2U);
  options.filter.none_of = {"red"};
  EXPECT_EQ(store->Search(query, options)->at(0).key, "b");
  options.filter = {.all_of = {}, .any_of = {"red", "unknown"}, .none_of = {}};
  EXPECT_EQ(store->Search(query, options)->at(0).key, "a");
  options.filter = {.all_of = {"unknown"}, .any_of = {}, .none_of = {}};
  EXPECT_TRUE(store->Search(query, options)->empty());
}

TEST_F(VectorStoreTest, BadSearchesAreRefused) {
  const auto store = Make(Metric::kCosine);
  const std::vector<float> query = {1, 0};
  VectorSearchOptions options;
  options.k = 0;
  EXPECT_THAT(store->Search(query, options),
              StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("k is 0")));
  options.k = 1;
  EXPECT_THAT(store->Search({}, options), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(store->Scan({}, 0), StatusIs(StatusCode::kInvalidArgument));
}

TEST_F(VectorStoreTest, ASearchPastItsDeadlineFails) {
  const auto store = Make(Metric::kCosine);
  Upsert(store.get(), "a", {1, 0});
  VectorSearchOptions late;
  late.deadline = std::chrono::steady_clock::now();
  const std::vector<float> query = {1, 0};
  EXPECT_THAT(store->Search(query, late), StatusIs(StatusCode::kDeadlineExceeded));
  EXPECT_THAT(store->SearchBatch(query, late), StatusIs(StatusCode::kDeadlineExceeded));
}

TEST_F(VectorStoreTest, AMinScoreThatNothingReachesIsRefused) {
  const std::vector<float> query = {1, 0};
  for (const Metric metric : {Metric::kCosine, Metric::kL2}) {
    EXPECT_THAT(Make(metric)->Search(query, {.min_score = 1.5F}),
                StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("min_score is 1.5")));
    ASSERT_THAT(db_->DropNamespace("v"), IsOk());
  }
  const auto store = Make(Metric::kInnerProduct);  // whose scores have no bound
  Upsert(store.get(), "long", {9, 0});
  EXPECT_EQ(store->Search(query, {.min_score = 8.0F})->size(), 1U);
}

TEST_F(VectorStoreTest, ARefusedBatchChangesNothing) {
  const auto store = Make(Metric::kCosine);
  const std::vector<float> good = {1, 0};
  const std::vector<float> bad = {1, 0, 0};
  std::vector<UpsertRequest> requests(2);
  requests[0].key = "a";
  requests[0].vector = good;
  requests[1].key = "b";
  requests[1].vector = bad;
  EXPECT_THAT(
      store->Upsert(requests, Durability::kDefault),
      StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("requests[1]: vector has 3")));
  EXPECT_THAT(store->Get("a"), StatusIs(StatusCode::kNotFound));
}

TEST_F(VectorStoreTest, OverItsBudgetItRefuses) {
  const auto store = MakeWithRoomFor(1);
  Upsert(store.get(), "a", {1, 0});
  const std::vector<float> vector = {1, 0};
  UpsertRequest request;
  request.key = "b";
  request.vector = vector;
  EXPECT_THAT(store->Upsert({&request, 1}, Durability::kDefault),
              StatusIs(StatusCode::kResourceExhausted));
}

TEST_F(VectorStoreTest, WhatIsReplacedMakesRoomInTheBudget) {
  const auto store = MakeWithRoomFor(2);
  Upsert(store.get(), "a", {1, 0});
  Upsert(store.get(), "b", {1, 0});
  Upsert(store.get(), "a", {0, 1});
  const std::vector<float> vector = {1, 0};
  const std::vector<UpsertRequest> twice(2, {.key = "b", .vector = vector});
  EXPECT_THAT(store->Upsert(twice, Durability::kDefault), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("v")->stats.entries, 2U);

  NamespaceUpdate update;
  update.max_entries = 0;
  update.max_bytes = db_->DescribeNamespace("v")->stats.bytes;
  ASSERT_THAT(db_->UpdateNamespace("v", update), IsOk());
  EXPECT_THAT(store->Upsert(twice, Durability::kDefault), IsOk());
  const UpsertRequest larger{.key = "b", .vector = vector, .payload = "1"};
  EXPECT_THAT(store->Upsert({&larger, 1}, Durability::kDefault),
              StatusIs(StatusCode::kResourceExhausted));
}

TEST_F(VectorStoreTest, WritersTogetherStayInsideTheBudget) {
  const auto store = MakeWithRoomFor(50);
  const std::vector<float> vector = {1, 0};
  constexpr int kWriters = 4;
  std::vector<std::thread> writers;
  writers.reserve(kWriters);
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 50; ++i) {
        const std::string key = std::to_string(writer) + '/' + std::to_string(i);
        const UpsertRequest request{.key = key, .vector = vector};
        store->Upsert({&request, 1}, Durability::kDefault).status().IgnoreError();
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_EQ(db_->DescribeNamespace("v")->stats.entries, 50U);
}

}  // namespace
}  // namespace nearhit
