// nearhit::SemanticCache, promise by promise.

#include <limits>

#include "nearhit/semantic_cache.h"
#include "tests/engine/database/open_database.h"

namespace nearhit {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<float> kEast = {1, 0};
const std::vector<float> kEastish = {0.99F, 0.1F};
const std::vector<float> kNorth = {0, 1};

class SemanticCacheTest : public DatabaseTest {
 protected:
  LookupResult Lookup(std::string_view slot, const std::vector<float>& vector,
                      std::string_view scope = "s") {
    return *cache_->Lookup({.scope = scope, .slot = slot, .vector = vector}, {});
  }
  EntryId Store(std::string_view slot, const std::vector<float>& vector,
                std::string_view answer = "answer") {
    return cache_->Store(Request(slot, vector, answer))->id;
  }
  std::shared_ptr<SemanticCache> cache_ = NewCache(CacheConfig());
};

TEST_F(SemanticCacheTest, SameBytesAreAnExactHitWithoutAVector) {
  const EntryId id = Store("hello", kEast, "hi");
  clock_.AdvanceMillis(1'500);
  const LookupResult hit = Lookup("hello", {});
  EXPECT_EQ(hit.kind, HitKind::kExact);
  EXPECT_EQ(hit.miss_reason, MissReason::kNone);
  EXPECT_EQ(hit.id, id);
  EXPECT_EQ(hit.answer, "hi");
  EXPECT_EQ(hit.score, 1.0F);
  EXPECT_EQ(hit.age_ms, 1'500);
  EXPECT_FALSE(hit.ttl_left_ms);
}

TEST_F(SemanticCacheTest, ANearVectorIsASemanticHitWithItsFullPrecisionScore) {
  Store("hello", {3, 0}, "hi");
  const LookupResult hit = Lookup("hello there", kEastish);
  EXPECT_EQ(hit.kind, HitKind::kSemantic);
  EXPECT_EQ(hit.answer, "hi");
  EXPECT_EQ(hit.matched_slot, "hello");
  EXPECT_NEAR(*hit.score, 0.99 / std::sqrt(0.99 * 0.99 + 0.01), 1e-6);
}

TEST_F(SemanticCacheTest, AMissSaysWhyAndHowCloseItWas) {
  EXPECT_EQ(Lookup("hello", kEast).miss_reason, MissReason::kEmpty);
  Store("hello", kEast);
  const LookupResult miss = Lookup("other", kNorth);
  EXPECT_EQ(miss.kind, HitKind::kMiss);
  EXPECT_EQ(miss.miss_reason, MissReason::kBelowThreshold);
  EXPECT_NEAR(*miss.score, 0, 1e-6);
  EXPECT_EQ(Lookup("other", {}).miss_reason, MissReason::kNoVector);
}

TEST_F(SemanticCacheTest, APastDeadlineEndsASearchAndNotAnExactHit) {
  Store("hello", kEast);
  const LookupOptions late{.deadline = std::chrono::steady_clock::now()};
  const Prompt prompt{.scope = "s", .slot = "hi", .vector = kEast};
  EXPECT_THAT(cache_->Lookup(prompt, late), StatusIs(StatusCode::kDeadlineExceeded));
  EXPECT_EQ(cache_->Lookup({.scope = "s", .slot = "hello"}, late)->kind, HitKind::kExact);
}

TEST_F(SemanticCacheTest, AnotherScopeSeesNothing) {
  Store("hello", kEast);
  EXPECT_EQ(Lookup("hello", kEast, "other").miss_reason, MissReason::kEmpty);
  const std::string long_scope(5'000, 'x');
  ASSERT_THAT(cache_->Store(Request("hello", kEast, "long", long_scope)), IsOk());
  EXPECT_EQ(Lookup("hello", {}, long_scope).answer, "long");
  EXPECT_EQ(Lookup("hi", kEast, long_scope).kind, HitKind::kSemantic);
}

TEST_F(SemanticCacheTest, ACallersThresholdCanOnlyBeStricter) {
  Store("hello", kEast);
  const Prompt prompt{.scope = "s", .slot = "hi", .vector = kEastish};
  LookupOptions options;
  options.min_score = 0.999F;
  EXPECT_EQ(cache_->Lookup(prompt, options)->kind, HitKind::kMiss);
  options.min_score = 0.1F;
  const std::vector<float> far = {1, 1};
  EXPECT_EQ(cache_->Lookup({.scope = "s", .slot = "x", .vector = far}, options)->kind,
            HitKind::kMiss);
  EXPECT_EQ(cache_->Lookup(prompt, options)->kind, HitKind::kSemantic);
}

TEST_F(SemanticCacheTest, ACallersThresholdThatNothingReachesIsRefused) {
  const Prompt prompt{.scope = "s", .slot = "hi", .vector = kEastish};
  for (const float min_score : {1.01F, 85.0F}) {
    EXPECT_THAT(cache_->Lookup(prompt, {.min_score = min_score}),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("min_score is " + std::to_string(min_score)),
                               HasSubstr("scores of metric cosine are at most 1"))));
  }
  EXPECT_THAT(
      cache_->LookupBatch({&prompt, 1}, {.min_score = std::numeric_limits<float>::quiet_NaN()}),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("min_score is not a finite")));
  EXPECT_THAT(cache_->Lookup(prompt, {.min_score = 1.0F}), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.misses, 1U);
}

TEST_F(SemanticCacheTest, StoringTheSamePromptReplaces) {
  const EntryId first = Store("hello", kEast, "old");
  const StoreResult second = *cache_->Store(Request("hello", kNorth, "new"));
  EXPECT_TRUE(second.replaced);
  EXPECT_GT(second.id, first);
  EXPECT_EQ(Lookup("hello", {}).answer, "new");
  EXPECT_EQ(Lookup("east", kEast).kind, HitKind::kMiss);
  EXPECT_THAT(cache_->Get(first), StatusIs(StatusCode::kNotFound));
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.entries, 1U);
}

TEST_F(SemanticCacheTest, AnExpiredEntryIsNotServedByAMicrosecond) {
  StoreRequest request = Request("hello", kEast);
  request.ttl_ms = 1'000;
  const EntryId id = cache_->Store(request)->id;
  clock_.AdvanceMicros(999'999);
  EXPECT_EQ(Lookup("hello", {}).kind, HitKind::kExact);
  EXPECT_EQ(*Lookup("hello", {}).ttl_left_ms, 0);
  clock_.AdvanceMicros(1);
  EXPECT_EQ(Lookup("hello", {}).kind, HitKind::kMiss);
  EXPECT_EQ(Lookup("hello", kEast).miss_reason, MissReason::kExpired);
  EXPECT_EQ(Lookup("hi", kEast).kind, HitKind::kMiss);
  EXPECT_THAT(cache_->Get(id), StatusIs(StatusCode::kNotFound));
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  const NamespaceStats stats = db_->DescribeNamespace("c")->stats;
  EXPECT_EQ(stats.entries, 0U);
  EXPECT_EQ(stats.partitions, 0U);
  EXPECT_EQ(stats.expirations, 1U);
}

TEST_F(SemanticCacheTest, ALiveEntryBehindManyExpiredOnesIsFound) {
  for (int i = 0; i < 50; ++i) {
    StoreRequest request = Request("expiring " + std::to_string(i), kEast);
    const std::string slot = "expiring " + std::to_string(i);
    request.prompt.slot = slot;
    request.ttl_ms = 1'000;
    ASSERT_THAT(cache_->Store(request), IsOk());
  }
  Store("live", kEastish, "live");
  clock_.AdvanceMillis(1'000);
  EXPECT_EQ(Lookup("query", kEast).answer, "live");
}

TEST_F(SemanticCacheTest, DeleteTakesEffectAtOnce) {
  const EntryId id = Store("hello", kEast);
  EXPECT_THAT(cache_->Delete(id, Durability::kDefault), IsOkAndHolds(true));
  EXPECT_THAT(cache_->Delete(id, Durability::kDefault), IsOkAndHolds(false));
  EXPECT_EQ(Lookup("hello", kEast).kind, HitKind::kMiss);
}

TEST_F(SemanticCacheTest, InvalidatesByTagScopeModelAndAge) {
  const auto store = [this](std::string_view slot, std::vector<std::string> tags,
                            std::string model) {
    StoreRequest request = Request(slot, kEast);
    request.metadata.tags = std::move(tags);
    request.metadata.model = std::move(model);
    ASSERT_THAT(cache_->Store(request), IsOk());
  };
  store("1", {"a"}, "m1");
  store("2", {"a", "b"}, "m1");
  clock_.AdvanceMillis(10'000);
  store("3", {"b"}, "m2");
  InvalidateRequest dry;
  dry.tags = {"a", "b"};
  dry.dry_run = true;
  EXPECT_EQ(cache_->Invalidate(dry)->matched, 1U);
  EXPECT_EQ(cache_->Invalidate(dry)->deleted, 0U);
  InvalidateRequest by_model;
  by_model.model = "m2";
  EXPECT_EQ(cache_->Invalidate(by_model)->deleted, 1U);
  InvalidateRequest by_age;
  by_age.tags = {"a"};
  by_age.older_than_ms = 5'000;
  EXPECT_EQ(cache_->Invalidate(by_age)->deleted, 2U);
  store("4", {}, "");
  InvalidateRequest by_scope;
  by_scope.scope = "none";
  EXPECT_EQ(cache_->Invalidate(by_scope)->matched, 0U);
  by_scope.scope = "s";
  EXPECT_EQ(cache_->Invalidate(by_scope)->deleted, 1U);
  EXPECT_THAT(cache_->Invalidate({}), StatusIs(StatusCode::kInvalidArgument));
}

TEST_F(SemanticCacheTest, ScanPagesThroughEverything) {
  for (int i = 0; i < 25; ++i) {
    const std::string slot = std::to_string(i);
    Store(slot, kEast, slot);
  }
  std::size_t seen = 0;
  EntryId after;
  do {
    const ScanPage page = *cache_->Scan(after, 10);
    for (const Entry& entry : page.entries) {
      EXPECT_EQ(entry.slot, entry.answer);
      EXPECT_EQ(entry.scope, "s");
      EXPECT_EQ(entry.vector, kEast);
      ++seen;
    }
    after = page.next;
  } while (after);
  EXPECT_EQ(seen, 25U);
}

TEST_F(SemanticCacheTest, BatchesAnswerInOrder) {
  const std::vector<StoreRequest> requests = {Request("a", kEast, "1"), Request("b", kNorth, "2"),
                                              Request("a", kEast, "3")};
  const auto stored = cache_->StoreBatch(requests);
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ((*stored)[0].id, (*stored)[2].id);  // the last of one prompt counts
  const std::vector<Prompt> prompts = {{.scope = "s", .slot = "b"}, {.scope = "s", .slot = "a"}};
  const auto found = cache_->LookupBatch(prompts, {});
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)[0].answer, "2");
  EXPECT_EQ((*found)[1].answer, "3");
}

struct BadInput {
  std::string name;
  std::function<StoreRequest()> make;
  std::string message;
};

class BadStoreTest : public SemanticCacheTest, public testing::WithParamInterface<BadInput> {
 public:
  using SemanticCacheTest::Request;
};

TEST_P(BadStoreTest, IsRefusedAndChangesNothing) {
  EXPECT_THAT(cache_->Store(GetParam().make()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr(GetParam().message)));
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.entries, 0U);
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.partitions, 0U);
}

const std::vector<float> kThree = {1, 2, 3};
const std::vector<float> kNan = {1, std::numeric_limits<float>::quiet_NaN()};
const std::vector<float> kInfinite = {1, std::numeric_limits<float>::infinity()};
const std::vector<float> kZero = {0, 0};
const std::string kLongText(kMaxSlotBytes + 1, 'x');
const std::string kLongAnswer(1'001, 'x');

INSTANTIATE_TEST_SUITE_P(
    Inputs, BadStoreTest,
    testing::Values(
        BadInput{"WrongDimension", [] { return BadStoreTest::Request("a", kThree); },
                 "vector has 3 components, the namespace's dimension is 2"},
        BadInput{"NotANumber", [] { return BadStoreTest::Request("a", kNan); },
                 "vector component 1 is not a finite number"},
        BadInput{"Infinite", [] { return BadStoreTest::Request("a", kInfinite); },
                 "vector component 1 is not a finite number"},
        BadInput{"ZeroUnderCosine", [] { return BadStoreTest::Request("a", kZero); },
                 "vector is all zeros"},
        BadInput{"EmptySlot", [] { return BadStoreTest::Request("", kEast); }, "slot is empty"},
        BadInput{"LongSlot", [] { return BadStoreTest::Request(kLongText, kEast); },
                 "slot has 262145 bytes, the limit is 262144"},
        BadInput{"BadUtf8", [] { return BadStoreTest::Request("a\xff", kEast); },
                 "slot of 2 bytes is not valid UTF-8"},
        BadInput{"LargeAnswer", [] { return BadStoreTest::Request("a", kEast, kLongAnswer); },
                 "answer has 1001 bytes, the limit is 1000"},
        BadInput{"NegativeTtl",
                 [] {
                   StoreRequest request = BadStoreTest::Request("a", kEast);
                   request.ttl_ms = -1;
                   return request;
                 },
                 "ttl_ms is -1"},
        BadInput{"TooManyTags",
                 [] {
                   StoreRequest request = BadStoreTest::Request("a", kEast);
                   request.metadata.tags.assign(33, "t");
                   return request;
                 },
                 "tags has 33 items, the limit is 32"},
        BadInput{"UnknownDurability",
                 [] {
                   StoreRequest request = BadStoreTest::Request("a", kEast);
                   request.durability = static_cast<Durability>(9);
                   return request;
                 },
                 "durability 9 is unknown"}),
    [](const testing::TestParamInfo<BadInput>& param_info) { return param_info.param.name; });

class BudgetTest : public DatabaseTest {};

TEST_F(BudgetTest, EvictionKeepsTheNamespaceInsideItsBudget) {
  NamespaceConfig config = CacheConfig();
  config.max_entries = 10;
  const auto cache = NewCache(config);
  for (int i = 0; i < 200; ++i) {
    const std::string slot = std::to_string(i);
    ASSERT_THAT(cache->Store(Request(slot, kEast)), IsOk());
    if (i >= 5) {  // "5" is asked for all the time
      EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "5"}, {})->kind, HitKind::kExact);
    }
    EXPECT_LE(db_->DescribeNamespace("c")->stats.entries, 10U);
  }
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.evictions, 190U);
}

TEST_F(BudgetTest, ReplacingInAFullCacheEvictsNoOthers) {
  constexpr std::size_t kMost = 1'000;
  NamespaceConfig config = CacheConfig();
  config.max_entries = kMost;
  const auto cache = NewCache(config);
  std::vector<std::string> slots(kMost);
  for (std::size_t i = 0; i < kMost; ++i) {
    slots[i] = std::to_string(i);
  }
  std::vector<StoreRequest> requests(kMost);
  for (std::size_t i = 0; i < kMost; ++i) {
    requests[i] = Request(slots[i], kEast);
  }
  ASSERT_THAT(cache->StoreBatch(requests), IsOk());
  ASSERT_THAT(cache->StoreBatch(std::span(requests).first(kMost / 2)), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.entries, kMost);
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.evictions, 0U);
  // Half of these are new.
  for (std::size_t i = 0; i < 100; i += 2) {
    slots[i] += "new";
    requests[i].prompt.slot = slots[i];
  }
  ASSERT_THAT(cache->StoreBatch(std::span(requests).first(100)), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.entries, kMost);
}

TEST_F(BudgetTest, APromptThatIsStoredTwiceInABatchTakesRoomOnce) {
  NamespaceConfig config = CacheConfig();
  config.max_entries = 1;
  const auto cache = NewCache(config);
  const std::vector<StoreRequest> requests(3, Request("same", kEast));
  EXPECT_THAT(cache->StoreBatch(requests), IsOk());
}

TEST_F(BudgetTest, AnEntryOverTheWholeBudgetIsRefused) {
  NamespaceConfig config = CacheConfig();
  config.max_bytes = 100;
  EXPECT_THAT(NewCache(config)->Store(Request("a", kEast)),
              StatusIs(StatusCode::kResourceExhausted));
}

TEST_F(BudgetTest, IdleEntriesExpire) {
  NamespaceConfig config = CacheConfig();
  config.idle_ttl_ms = 1'000;
  const auto cache = NewCache(config);
  ASSERT_THAT(cache->Store(Request("read", kEast)), IsOk());
  ASSERT_THAT(cache->Store(Request("forgotten", kNorth)), IsOk());
  clock_.AdvanceMillis(600);
  EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "read"}, {})->kind, HitKind::kExact);
  clock_.AdvanceMillis(600);
  EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "forgotten"}, {})->kind, HitKind::kMiss);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.entries, 1U);
}

TEST_F(BudgetTest, IdleTimesGoOnWhateverTheWallClockIsSetTo) {
  constexpr std::int64_t kTwoDaysMs = 48 * 3'600'000;
  NamespaceConfig config = CacheConfig();
  config.idle_ttl_ms = 1'000;
  const auto cache = NewCache(config);
  clock_.SetWallForwardMillis(kTwoDaysMs);
  ASSERT_THAT(cache->Store(Request("stored ahead", kEast)), IsOk());
  clock_.SetWallForwardMillis(-kTwoDaysMs);
  ASSERT_THAT(cache->Store(Request("stored after", kNorth)), IsOk());
  clock_.AdvanceMillis(600);
  clock_.SetWallForwardMillis(kTwoDaysMs);
  EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "stored after"}, {})->kind, HitKind::kExact);
  clock_.SetWallForwardMillis(-kTwoDaysMs);
  clock_.AdvanceMillis(600);
  EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "stored ahead"}, {})->kind, HitKind::kMiss);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("c")->stats.entries, 1U);
}

class LexicalCacheTest : public DatabaseTest {};

TEST_F(LexicalCacheTest, EmbedsTextsAndFindsTheSameWords) {
  NamespaceConfig config;
  config.embedder.kind = "lexical";
  config.threshold = 0.7F;
  const auto cache = NewCache(config);
  StoreRequest request;
  request.prompt = {.scope = "", .slot = "How do I reset my password?"};
  request.answer = "Use the link.";
  const auto stored = cache->Store(request);
  ASSERT_THAT(stored, IsOk());
  EXPECT_TRUE(stored->has_vector);
  EXPECT_EQ(cache->Lookup({.slot = "how do i reset my password"}, {})->kind, HitKind::kSemantic);
  EXPECT_EQ(cache->Lookup({.slot = "Where is my parcel?"}, {})->kind, HitKind::kMiss);
}

}  // namespace
}  // namespace nearhit
