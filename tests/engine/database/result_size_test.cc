// Calls whose results together would fill memory.

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/database.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

constexpr std::size_t kPayloadBytes = kMaxResultBytes / 4;

class ResultSizeTest : public testing::Test {
 protected:
  ResultSizeTest() {
    DatabaseOptions options;
    options.in_memory = true;
    options.background_maintenance = false;
    options.max_payload_bytes = kPayloadBytes;
    db_ = *Database::Open(options);
  }

  const std::string payload_ = std::string(kPayloadBytes, 'x');
  std::unique_ptr<Database> db_;
};

TEST_F(ResultSizeTest, ABatchOfLookupsIsRefused) {
  ASSERT_THAT(db_->CreateNamespace("c", {}), IsOk());
  const auto cache = *db_->Cache("c");
  StoreRequest request;
  request.prompt = {.scope = "s", .slot = "large"};
  request.answer = payload_;
  ASSERT_THAT(cache->Store(request), IsOk());
  const std::vector<Prompt> prompts(4, request.prompt);
  EXPECT_THAT(cache->LookupBatch(std::span(prompts).first(3), {}), IsOk());
  EXPECT_THAT(cache->LookupBatch(prompts, {}),
              StatusIs(StatusCode::kResourceExhausted,
                       testing::HasSubstr("the answers to 4 prompts have over 67108864 bytes")));
}

TEST_F(ResultSizeTest, SearchesAreRefusedAndScansEndTheirPage) {
  NamespaceConfig config;
  config.kind = NamespaceKind::kVectors;
  config.dimension = 2;
  ASSERT_THAT(db_->CreateNamespace("v", config), IsOk());
  const auto vectors = *db_->Vectors("v");
  const std::vector<float> row = {1, 0};
  for (const std::string key : {"a", "b", "c", "d", "e"}) {
    const UpsertRequest request{.key = key, .vector = row, .payload = payload_};
    ASSERT_THAT(vectors->Upsert({&request, 1}, Durability::kDefault), IsOk());
  }
  EXPECT_EQ(vectors->Search(row, {.k = 3, .with_payload = true})->size(), 3U);
  EXPECT_THAT(vectors->Search(row, {.k = 5, .with_payload = true}),
              StatusIs(StatusCode::kResourceExhausted, testing::HasSubstr("67108864")));
  EXPECT_EQ(vectors->Search(row, {.k = 5})->size(), 5U);
  const std::vector<float> rows = {1, 0, 1, 0};
  EXPECT_THAT(vectors->SearchBatch(rows, {.k = 3, .with_payload = true}),
              StatusIs(StatusCode::kResourceExhausted));

  const auto page = vectors->Scan({}, 10);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->entries.size(), 4U);
  EXPECT_EQ(page->next, page->entries.back().id);
  EXPECT_EQ(vectors->Scan(page->next, 10)->entries.size(), 1U);
}

TEST_F(ResultSizeTest, CallersMaySetALowerLimit) {
  ASSERT_THAT(db_->CreateNamespace("c", {}), IsOk());
  const auto cache = *db_->Cache("c");
  StoreRequest request;
  request.prompt = {.scope = "s", .slot = "q"};
  request.answer = "0123456789";
  ASSERT_THAT(cache->Store(request), IsOk());
  const std::vector<Prompt> prompts(4, request.prompt);
  LookupOptions options;
  options.max_result_bytes = 30;
  EXPECT_THAT(cache->LookupBatch(prompts, options),
              StatusIs(StatusCode::kResourceExhausted,
                       testing::HasSubstr("the answers to 4 prompts have over 30 bytes")));
  EXPECT_THAT(cache->LookupBatch(std::span(prompts).first(2), options), IsOk());
}

// What a batch asks between its items; says no the third time.
class Impatient {
 public:
  Status operator()() { return ++*asked_ < 3 ? Status() : Status(StatusCode::kCancelled, "gone"); }
  int asked() const { return *asked_; }

 private:
  std::shared_ptr<int> asked_ = std::make_shared<int>(0);
};

TEST(BatchTest, EndsWhenItIsNotWantedAnyMore) {
  DatabaseOptions options;
  options.in_memory = true;
  options.background_maintenance = false;
  const auto db = *Database::Open(options);
  NamespaceConfig config;
  config.dimension = 2;
  ASSERT_THAT(db->CreateNamespace("c", config), IsOk());
  config.kind = NamespaceKind::kVectors;
  ASSERT_THAT(db->CreateNamespace("v", config), IsOk());
  const std::vector<float> east = {1, 0};
  const std::vector<Prompt> prompts(10, {.scope = "s", .slot = "q", .vector = east});
  Impatient lookups;
  LookupOptions lookup;
  lookup.exact_only = true;
  lookup.still_wanted = lookups;
  EXPECT_THAT((*db->Cache("c"))->LookupBatch(prompts, lookup), StatusIs(StatusCode::kCancelled));
  EXPECT_EQ(lookups.asked(), 3);

  std::vector<float> rows(20, 1.0F);
  Impatient searches;
  VectorSearchOptions search;
  search.still_wanted = searches;
  EXPECT_THAT((*db->Vectors("v"))->SearchBatch(rows, search), StatusIs(StatusCode::kCancelled));
  EXPECT_EQ(searches.asked(), 3);
}

}  // namespace
}  // namespace nearhit
