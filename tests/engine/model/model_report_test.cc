// What is said about a model folder, and the self-test against shipped vectors.
#include <algorithm>
#include <fstream>
#include <stdlib.h>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/model/minilm_reference.h"
#include "nearhit/local_embedder.h"
#include "tests/support/colour_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

constexpr std::string_view kMiniLm =
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

// Gives the vector that is shipped for a sentence, times `scale`, and plus `error` in its first
// component; none for sentences that are not shipped.
class ReferenceEmbedder final : public Embedder {
 public:
  ReferenceEmbedder(float scale, float error) : scale_(scale), error_(error) {}

  std::string_view identity() const override { return "reference"; }
  std::size_t dimension() const override { return ReferencesOf(kMiniLm)[0].vector.size(); }
  bool may_block() const override { return false; }
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point) const override {
    std::vector<float> rows;
    for (const std::string_view text : texts) {
      const std::size_t begin = rows.size();
      rows.resize(begin + dimension());
      for (const ReferenceVector& reference : ReferencesOf(kMiniLm)) {
        if (reference.text == text) {
          std::ranges::transform(
              reference.vector, rows.begin() + static_cast<std::ptrdiff_t>(begin),
              [this](std::int8_t component) { return static_cast<float>(component) * scale_; });
        }
      }
      rows[begin] += error_;
    }
    return rows;
  }

 private:
  const float scale_;
  const float error_;
};

std::vector<ReferenceCheck> Compare(const Embedder& embedder) {
  const auto checks = CompareWith(ReferencesOf(kMiniLm), embedder);
  EXPECT_THAT(checks, IsOk());
  return checks.value_or(std::vector<ReferenceCheck>());
}

TEST(CompareWithTest, TheShippedDirectionsPass) {
  const std::vector<ReferenceCheck> checks = Compare(ReferenceEmbedder(0.01F, 0));
  ASSERT_GE(checks.size(), 3u);
  EXPECT_EQ(checks[0].text, "How do I reset my password?");
  EXPECT_THAT(checks, testing::Each(Field(&ReferenceCheck::cosine, DoubleNear(1, 1e-6))));
}

TEST(CompareWithTest, OtherVectorsDoNot) {
  EXPECT_THAT(Compare(ReferenceEmbedder(0.01F, 1)),
              testing::Each(Field(&ReferenceCheck::cosine, testing::Lt(kMinReferenceCosine))));
  EXPECT_THAT(Compare(ReferenceEmbedder(0, 0)), testing::Each(Field(&ReferenceCheck::cosine, 0)));
}

TEST(CompareWithTest, OnlyTheWeightsThatAreKnownHaveReferences) {
  EXPECT_TRUE(ReferencesOf(std::string(64, '0')).empty());
  EXPECT_TRUE(ReferencesOf("").empty());
}

class ModelReportTest : public testing::Test {
 protected:
  ModelReportTest() { WriteColourModel(folder_); }

  const TempDir dir_;
  const std::filesystem::path folder_ = dir_.path() / "model";
};

TEST_F(ModelReportTest, SaysWhatTheFolderHolds) {
  std::filesystem::create_directories(folder_ / "1_Pooling");
  std::ofstream(folder_ / "1_Pooling" / "config.json") << "{}";
  std::ofstream(folder_ / "README.md") << "not read";
  const auto report = InspectModel(folder_);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->files, ElementsAre(Field(&ModelFile::name, "1_Pooling/config.json"),
                                         Field(&ModelFile::name, "config.json"),
                                         Field(&ModelFile::name, "model.safetensors"),
                                         Field(&ModelFile::name, "vocab.txt")));
  EXPECT_EQ(report->files[0].bytes, 2u);
  EXPECT_EQ(report->files[0].sha256,  // of "{}"
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  EXPECT_EQ(report->identity, "local/" + report->files[2].sha256 + "/static");
  EXPECT_EQ(report->kind, "static");
  EXPECT_EQ(report->dimension, 2u);
  EXPECT_EQ(report->vocabulary, 8u);
  EXPECT_TRUE(report->normalize);
  EXPECT_EQ(report->tensors, 1u);
  EXPECT_EQ(report->parameters, 16u);
  EXPECT_EQ(report->memory_bytes, 64u);
  EXPECT_TRUE(report->references.empty());
}

TEST_F(ModelReportTest, NamesWhatIsWrong) {
  EXPECT_THAT(InspectModel(dir_.path() / "absent"),
              StatusIs(StatusCode::kNotFound, HasSubstr("folder")));
  std::ofstream(folder_ / "config.json") << R"({"model_type": "gpt2"})";
  EXPECT_THAT(InspectModel(folder_),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("config.json: key \"model_type\"")));
  std::filesystem::remove(folder_ / "config.json");
  EXPECT_THAT(InspectModel(folder_), StatusIs(StatusCode::kNotFound, HasSubstr("config.json")));
}

TEST_F(ModelReportTest, TheDefaultFolderFollowsTheEnvironment) {
  unsetenv("NEARHIT_MODEL");
  setenv("XDG_DATA_HOME", dir_.path().c_str(), 1);
  EXPECT_TRUE(DefaultModelFolder().empty());
  const auto there = dir_.path() / "nearhit" / "models" / "all-MiniLM-L6-v2";
  std::filesystem::create_directories(there);
  EXPECT_TRUE(DefaultModelFolder().empty());  // a folder without a model
  WriteColourModel(there);
  EXPECT_EQ(DefaultModelFolder(), there);
  setenv("NEARHIT_MODEL", "/elsewhere", 1);
  EXPECT_EQ(DefaultModelFolder(), "/elsewhere");
  setenv("NEARHIT_MODEL", "", 1);
  EXPECT_EQ(DefaultModelFolder(), there);
  unsetenv("NEARHIT_MODEL");
  unsetenv("XDG_DATA_HOME");
  setenv("HOME", dir_.path().c_str(), 1);
  EXPECT_TRUE(DefaultModelFolder().empty());
  WriteColourModel(dir_.path() / ".local/share/nearhit/models/all-MiniLM-L6-v2");
  EXPECT_EQ(DefaultModelFolder(), dir_.path() / ".local/share/nearhit/models/all-MiniLM-L6-v2");
}

}  // namespace
}  // namespace nearhit
