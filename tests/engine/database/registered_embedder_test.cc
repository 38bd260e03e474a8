// Embedders that a component registers, over a database on disk: whose vectors a namespace holds.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/database.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

// What is in the model's folder at the moment.
std::atomic<int> model_version{1};
std::atomic<bool> model_there{true};

// One vector for every text, none for texts that begin with "unreadable".
class VersionedEmbedder final : public Embedder {
 public:
  explicit VersionedEmbedder(int version) : identity_("versioned/" + std::to_string(version)) {}

  std::string_view identity() const override { return identity_; }
  std::size_t dimension() const override { return 2; }
  bool may_block() const override { return false; }
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point) const override {
    std::vector<float> rows;
    for (const std::string_view text : texts) {
      const float length = text.starts_with("unreadable") ? 0.0F : 1.0F;
      rows.insert(rows.end(), {length, 0.0F});
    }
    return rows;
  }

 private:
  const std::string identity_;
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
  StoreResult Store(std::string_view slot) {
    const auto stored =
        (*db_->Cache("n"))->Store({.prompt = {.scope = "s", .slot = slot}, .answer = "answer"});
    EXPECT_THAT(stored, IsOk());
    return *stored;
  }
  LookupResult Lookup(std::string_view slot) {
    const auto found = (*db_->Cache("n"))->Lookup({.scope = "s", .slot = slot}, {});
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

TEST_F(RegisteredEmbedderTest, AMissingModelLeavesTheExactTier) {
  Store("stored");
  model_there = false;
  Open();
  EXPECT_EQ(Lookup("stored").kind, HitKind::kExact);
  EXPECT_EQ(Lookup("another").kind, HitKind::kMiss);
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
TEST_F(RegisteredEmbedderTest, ATextWithoutAVectorIsFoundExactly) {
  EXPECT_FALSE(Store("unreadable").has_vector);
  EXPECT_TRUE(Store("readable").has_vector);
  EXPECT_EQ(Lookup("unreadable").kind, HitKind::kExact);
  EXPECT_EQ(Lookup("unreadable, another").miss_reason, MissReason::kNoVector);
  EXPECT_EQ(Lookup("another").kind, HitKind::kSemantic);
}

}  // namespace
}  // namespace nearhit
