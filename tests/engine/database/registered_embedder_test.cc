// Embedders that a component registers, over a database on disk: whose vectors a namespace holds.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/database.h"
#include "tests/support/no_deadline.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

// What is in the model's folder at the moment.
std::atomic<int> model_version{1};
std::atomic<bool> model_there{true};

// The third version has vectors of another dimension.
constexpr int kLargerVersion = 3;

// One vector for every text, none for texts that begin with "unreadable".
class VersionedEmbedder final : public Embedder {
 public:
  explicit VersionedEmbedder(int version)
      : identity_("versioned/" + std::to_string(version)),
        dimension_(version == kLargerVersion ? 3 : 2) {}

  std::string_view identity() const override { return identity_; }
  std::size_t dimension() const override { return dimension_; }
  bool may_block() const override { return false; }
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point) const override {
    std::vector<float> rows;
    for (const std::string_view text : texts) {
      const float length = text.starts_with("unreadable") ? 0.0F : 1.0F;
      rows.push_back(length);
      rows.resize(rows.size() + dimension_ - 1);
    }
    return rows;
  }
  EmbedderStats stats() const override { return {.memo_hits = 7, .memo_misses = 9}; }

 private:
  const std::string identity_;
  const std::size_t dimension_;
};

class RegisteredEmbedderTest : public testing::Test {
 protected:
  RegisteredEmbedderTest() {
    RegisterEmbedder(
        "versioned",
        [](const EmbedderSpec&, std::size_t) -> Result<std::shared_ptr<const Embedder>> {
          if (!model_there.load()) {
            return NotFound("the model is not there");
          }
          return std::shared_ptr<const Embedder>(
              std::make_shared<VersionedEmbedder>(model_version.load()));
        });
    model_version = 1;
    model_there = true;
    Open();
    NamespaceConfig config;
    config.embedder.kind = "versioned";
    EXPECT_THAT(db_->CreateNamespace("n", config), IsOk());
  }

  void Open() {
    db_.reset();
    DatabaseOptions options;
    options.path = dir_.path();
    options.background_maintenance = false;
    auto opened = Database::Open(options);
    ASSERT_THAT(opened, IsOk());
    db_ = *std::move(opened);
  }
  NamespaceStats Stats(const std::string& name) { return db_->DescribeNamespace(name)->stats; }
  StoreResult Store(std::string_view slot, const std::string& name = "n") {
    const auto stored =
        (*db_->Cache(name))->Store({.prompt = {.scope = "s", .slot = slot}, .answer = "answer"});
    EXPECT_THAT(stored, IsOk());
    return *stored;
  }
  LookupResult Lookup(std::string_view slot, const std::string& name = "n") {
    const auto found = (*db_->Cache(name))->Lookup({.scope = "s", .slot = slot}, {});
    EXPECT_THAT(found, IsOk());
    return *found;
  }

  const TempDir dir_;
  std::unique_ptr<Database> db_;
};

TEST_F(RegisteredEmbedderTest, TheNamespaceTakesItsDimensionAndIdentity) {
  const NamespaceInfo info = *db_->DescribeNamespace("n");
  EXPECT_EQ(info.config.dimension, 2U);
  EXPECT_EQ(info.embedder_identity, "versioned/1");
}

TEST_F(RegisteredEmbedderTest, TheSameModelServesAfterAReopen) {
  Store("stored");
  Open();
  EXPECT_EQ(Lookup("another").kind, HitKind::kSemantic);
}

// Its vectors would say nothing about those that are stored.
TEST_F(RegisteredEmbedderTest, AnotherModelIsNotUsedOnVectorsItDidNotMake) {
  Store("stored");
  model_version = 2;
  Open();
  EXPECT_EQ(Lookup("stored").kind, HitKind::kExact);
  const LookupResult found = Lookup("another");
  EXPECT_EQ(found.kind, HitKind::kMiss);
  EXPECT_EQ(found.miss_reason, MissReason::kNoVector);
  EXPECT_EQ(db_->DescribeNamespace("n")->embedder_identity, "versioned/1");
}

// Bifrost lost every store and missed without a word once the dimension was another one.
TEST_F(RegisteredEmbedderTest, AModelOfAnotherDimensionSaysSoAndMayTakeOver) {
  Store("stored");
  model_version = kLargerVersion;
  Open();
  EXPECT_EQ(Lookup("stored").kind, HitKind::kExact);
  EXPECT_FALSE(Store("later").has_vector);
  EXPECT_EQ(Lookup("later").kind, HitKind::kExact);
  EXPECT_EQ(Lookup("another").miss_reason, MissReason::kNoVector);
  NamespaceUpdate update;
  update.threshold = 0.5F;
  ASSERT_THAT(db_->UpdateNamespace("n", update), IsOk());
  EXPECT_EQ(Lookup("another").miss_reason, MissReason::kNoVector);
  update.reembed = true;
  EXPECT_THAT(db_->UpdateNamespace("n", update),
              StatusIs(StatusCode::kInvalidArgument,
                       testing::HasSubstr("dimension is 2, the model's is 3")));
  update.embedder = db_->DescribeNamespace("n")->config.embedder;
  update.dimension = 0;
  ASSERT_THAT(db_->UpdateNamespace("n", update), IsOk());
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("n")->config.dimension, 3U);
  EXPECT_EQ(db_->DescribeNamespace("n")->embedder_identity, "versioned/3");
  EXPECT_EQ(Lookup("another").kind, HitKind::kSemantic);
  EXPECT_TRUE(Store("latest").has_vector);
}

TEST_F(RegisteredEmbedderTest, AMissingModelLeavesTheExactTier) {
  Store("stored");
  model_there = false;
  Open();
  EXPECT_EQ(Lookup("stored").kind, HitKind::kExact);
  EXPECT_EQ(Lookup("another").kind, HitKind::kMiss);
}

TEST_F(RegisteredEmbedderTest, SettingsChangeWhetherTheModelIsThereOrAnotherOrNot) {
  NamespaceUpdate update;
  for (const bool there : {false, true}) {
    model_there = there;
    model_version = 2;
    Open();
    update.max_entries = update.max_entries.value_or(7) + 1;
    ASSERT_THAT(db_->UpdateNamespace("n", update), IsOk());
    EXPECT_EQ(db_->DescribeNamespace("n")->config.max_entries, *update.max_entries);
    EXPECT_EQ(db_->DescribeNamespace("n")->embedder_identity, "versioned/1");
  }
  model_version = 1;
  Open();
  Store("stored");
  update.threshold = 0.5F;
  ASSERT_THAT(db_->UpdateNamespace("n", update), IsOk());
  EXPECT_EQ(Lookup("another").kind, HitKind::kSemantic);  // the embedder is there as before
}

TEST_F(RegisteredEmbedderTest, ReembeddingMovesToTheOtherModel) {
  Store("stored");
  model_version = 2;
  Open();
  NamespaceUpdate update;
  update.reembed = true;
  ASSERT_THAT(db_->UpdateNamespace("n", update), IsOk());
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(db_->DescribeNamespace("n")->embedder_identity, "versioned/2");
  EXPECT_EQ(Lookup("another").kind, HitKind::kSemantic);
}

// A row of zeros: the text has no vector, and its neighbours in the batch do.
TEST_F(RegisteredEmbedderTest, ATextThatCannotBeReadIsFoundExactlyAndSaysSo) {
  EXPECT_FALSE(Store("unreadable").has_vector);
  EXPECT_TRUE(Store("readable").has_vector);
  EXPECT_EQ(Stats("n").texts_not_read, 1U);
  EXPECT_EQ(Lookup("unreadable").kind, HitKind::kExact);
  EXPECT_EQ(Stats("n").texts_not_read, 1U);
  EXPECT_EQ(Lookup("unreadable, another").miss_reason, MissReason::kTextNotRead);
  EXPECT_EQ(Stats("n").texts_not_read, 2U);
  EXPECT_EQ(Lookup("another").kind, HitKind::kSemantic);
  EXPECT_EQ(Stats("n").texts_not_read, 2U);
  EXPECT_EQ(Stats("n").embed_failures, 0U);
  EXPECT_EQ(MissReasonName(MissReason::kTextNotRead), "text_not_read");
}

// Zeros would be a vector to these metrics, the same one for all such texts.
TEST_F(RegisteredEmbedderTest, TextsThatCannotBeReadDoNotMatchEachOtherUnderAnyMetric) {
  for (const Metric metric : {Metric::kCosine, Metric::kInnerProduct, Metric::kL2}) {
    const std::string name = "metric" + std::to_string(static_cast<int>(metric));
    NamespaceConfig config;
    config.embedder.kind = "versioned";
    config.metric = metric;
    ASSERT_THAT(db_->CreateNamespace(name, config), IsOk());
    EXPECT_FALSE(Store("unreadable, one", name).has_vector);
    EXPECT_EQ(Lookup("unreadable, other", name).miss_reason, MissReason::kTextNotRead);
    model_version = 2;
    NamespaceUpdate update;
    update.reembed = true;
    update.embedder = config.embedder;
    ASSERT_THAT(db_->UpdateNamespace(name, update), IsOk());
    model_version = 1;
    const Entry entry = (*db_->Cache(name))->Scan(EntryId{}, 1)->entries.at(0);
    EXPECT_TRUE(entry.vector.empty());
  }
}

TEST_F(RegisteredEmbedderTest, StatsHoldThoseOfTheEmbedder) {
  EXPECT_EQ(Stats("n").embedder_memo_hits, 7U);
  EXPECT_EQ(Stats("n").embedder_memo_misses, 9U);
  NamespaceConfig config;
  config.dimension = 2;
  ASSERT_THAT(db_->CreateNamespace("none", config), IsOk());
  EXPECT_EQ(Stats("none").embedder_memo_hits, 0U);
}

Result<Embeddings> Embed(const Database& db, std::string_view name,
                         std::vector<std::string_view> texts) {
  return db.Embed(name, texts, kNoDeadline);
}

TEST_F(RegisteredEmbedderTest, EmbedGivesAVectorForEachTextOrNone) {
  const auto made = Embed(*db_, "n", {"readable", "unreadable", "readable"});
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->embedder_identity, "versioned/1");
  const std::vector<float> vector = {1, 0};
  EXPECT_THAT(made->vectors, testing::ElementsAre(vector, testing::IsEmpty(), vector));
  EXPECT_EQ(db_->DescribeNamespace("n")->stats.entries, 0U);
}

TEST_F(RegisteredEmbedderTest, EmbedNamesTheTextThatIsWrong) {
  const auto refused = [](const char* what) {
    return StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr(what));
  };
  const std::string longest(kMaxSlotBytes, 'a');
  const std::string longer = longest + "a";
  EXPECT_THAT(Embed(*db_, "n", {longest}), IsOk());
  EXPECT_THAT(Embed(*db_, "n", {"a", longer}), refused("texts[1]: text has 262145 bytes"));
  EXPECT_THAT(Embed(*db_, "n", {"a", "\xFF"}), refused("texts[1]: text of 1 bytes is not valid"));
  EXPECT_THAT(Embed(*db_, "n", {""}), refused("texts[0]: text is empty"));
  EXPECT_THAT(Embed(*db_, "n", {}), refused("texts has 0 items"));
  EXPECT_THAT(Embed(*db_, "n", std::vector<std::string_view>(kMaxBatch + 1, "a")),
              refused("texts has 10001 items, the limit is 10000"));
}

TEST_F(RegisteredEmbedderTest, EmbedSaysWhyThereIsNoEmbedder) {
  const auto unmet = [](const char* what) {
    return StatusIs(StatusCode::kFailedPrecondition, testing::HasSubstr(what));
  };
  EXPECT_THAT(Embed(*db_, "absent", {"a"}), StatusIs(StatusCode::kNotFound));
  NamespaceConfig config;
  ASSERT_THAT(db_->CreateNamespace("exact", config), IsOk());
  config.dimension = 2;
  config.kind = NamespaceKind::kVectors;
  ASSERT_THAT(db_->CreateNamespace("points", config), IsOk());
  EXPECT_THAT(Embed(*db_, "exact", {"a"}), unmet("namespace \"exact\" has no embedder"));
  EXPECT_THAT(Embed(*db_, "points", {"a"}), unmet("none of kind vectors has one"));
  model_version = 2;
  Open();
  EXPECT_THAT(Embed(*db_, "n", {"a"}), unmet("versioned/1, could not be used"));
}

}  // namespace
}  // namespace nearhit
