// embed, similar and model verify, by a model here and by a daemon's namespace.
#include <stdlib.h>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/embed_lines.h"
#include "formats/vector_file.h"
#include "tests/cli/cli_fixture.h"
#include "tests/support/colour_model.h"

namespace nearhit {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class EmbedCommandTest : public CliFixture {
 protected:
  EmbedCommandTest() { WriteColourModel(model_); }

  const std::string model_ = (dir_.path() / "model").string();
};

TEST_F(EmbedCommandTest, PrintsTheVectorOfAText) {
  EXPECT_EQ(Run({"embed", "--model", model_, "Crimson"}), 0) << err_;
  EXPECT_EQ(out_, "{\"vector\":[0.8,0.6]}\n");
  EXPECT_EQ(Run({"embed", "-n", "faq", "How do I reset my password?"}), 0) << err_;
  EXPECT_EQ(json::parse(out_)["vector"].size(), 384U);
}

TEST_F(EmbedCommandTest, ATextWithoutAVectorIsExitCodeOne) {
  EXPECT_EQ(Run({"embed", "--model", model_, "green"}), 1);
  EXPECT_EQ(out_, "{\"vector\":[]}\n");
  EXPECT_EQ(Run({"similar", "--model", model_, "red", "green"}), 1);
  EXPECT_THAT(err_, HasSubstr("the second text has no vector"));
}

TEST_F(EmbedCommandTest, WritesAFileOfVectors) {
  const std::string file = (dir_.path() / "v.npy").string();
  EXPECT_EQ(Run({"--json", "embed", "--model", model_, "--npy", file, "blue"}), 0) << err_;
  const json summary = json::parse(out_);
  EXPECT_EQ(summary["rows"], 1);
  EXPECT_EQ(summary["dimension"], 2);
  EXPECT_THAT(summary["embedder"].get<std::string>(), StartsWith("local/"));
  const auto matrix = ReadVectorFile(file);
  ASSERT_THAT(matrix, IsOk());
  EXPECT_THAT(matrix->values, ElementsAre(0, 1));
  EXPECT_EQ(Run({"embed", "--model", model_, "--npy", "/does/not/exist.npy", "blue"}), 2);
}

TEST_F(EmbedCommandTest, SimilarPrintsTheCosine) {
  EXPECT_EQ(Run({"similar", "--model", model_, "red", "crimson"}), 0) << err_;
  EXPECT_EQ(out_, "0.8000\n");
  EXPECT_EQ(Run({"--json", "similar", "-n", "faq", "reset it", "RESET it"}), 0) << err_;
  EXPECT_NEAR(json::parse(out_)["similarity"].get<double>(), 1, 1e-6);
  EXPECT_EQ(json::parse(out_)["embedder"], "lexical/v1/384");
}

TEST_F(EmbedCommandTest, ErrorsAreExitCodes) {
  EXPECT_EQ(Run({"embed", "-n", "plane", "a"}), 3);
  EXPECT_THAT(err_, HasSubstr("has no embedder"));
  EXPECT_EQ(Run({"embed", "-n", "absent", "a"}), 1);
  EXPECT_EQ(Run({"embed", "--model", model_, "-n", "faq", "a"}), 2);
  EXPECT_EQ(Run({"embed", "--model", model_, "\xFF"}), 2);
  EXPECT_THAT(err_, HasSubstr("UTF-8"));
  EXPECT_EQ(Run({"embed", "--model", "/does/not/exist", "a"}), 2);
  EXPECT_EQ(Run({"similar", "--model", model_, "a"}), 2);
  EXPECT_EQ(Run({"similar", "--model", model_, "a", ""}), 2);
}

// Without --model and -n, in the order that the help says.
TEST_F(EmbedCommandTest, TheEnvironmentSaysWhoMakesVectors) {
  setenv("NEARHIT_MODEL", model_.c_str(), 1);
  EXPECT_EQ(Run({"similar", "red", "crimson"}), 0) << err_;
  EXPECT_EQ(out_, "0.8000\n");
  setenv("NEARHIT_NAMESPACE", "faq", 1);
  EXPECT_EQ(Run({"similar", "red", "crimson"}), 0) << err_;
  EXPECT_NE(out_, "0.8000\n");
  EXPECT_EQ(Run({"similar", "--model", model_, "red", "crimson"}), 0) << err_;
  EXPECT_EQ(out_, "0.8000\n");
  unsetenv("NEARHIT_NAMESPACE");
  unsetenv("NEARHIT_MODEL");
  setenv("XDG_DATA_HOME", dir_.path().c_str(), 1);
  EXPECT_EQ(Run({"similar", "red", "crimson"}), 2);
  EXPECT_THAT(err_, HasSubstr("--model DIR or -n NAMESPACE"));
}

class EmbedLinesTest : public EmbedCommandTest {
 protected:
  Status Embed(const std::string& text) {
    TextEmbedderFlags flags;
    flags.model = model_;
    CliContext context;
    int code = 0;
    const auto embedder = flags.Open(context, &code);
    auto lines = LineReader::Open(Write("lines.txt", text), kMaxSlotBytes);
    EXPECT_THAT(lines, IsOk());
    vectors_.clear();
    summary_ = {};
    return EmbedLines(
        *embedder, lines->get(),
        [this](std::span<const float> vector) {
          vectors_.emplace_back(vector.begin(), vector.end());
        },
        &summary_);
  }

  std::vector<std::vector<float>> vectors_;
  EmbedLinesSummary summary_;
};

TEST_F(EmbedLinesTest, EachLineKeepsItsPlace) {
  EXPECT_THAT(Embed("red\n\n \ngreen\nblue"), IsOk());
  const std::vector<float> none;
  EXPECT_THAT(vectors_, ElementsAre(ElementsAre(1, 0), none, none, none, ElementsAre(0, 1)));
  EXPECT_EQ(summary_.lines, 5U);
  EXPECT_EQ(summary_.without_vector, 3U);
}

TEST_F(EmbedLinesTest, ManyLinesGoInBatches) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) {
    text += i % 2 == 0 ? "red\n" : "blue\n";
  }
  EXPECT_THAT(Embed(text), IsOk());
  ASSERT_EQ(vectors_.size(), 1'000U);
  EXPECT_THAT(vectors_[998], ElementsAre(1, 0));
  EXPECT_THAT(vectors_[999], ElementsAre(0, 1));
}

TEST_F(EmbedLinesTest, ABadLineIsNamed) {
  EXPECT_THAT(Embed("red\n\xFF\n"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 2: the text is not valid")));
  EXPECT_TRUE(summary_.input_error);
  EXPECT_THAT(Embed(std::string(kMaxSlotBytes + 1, 'a')),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 1: ")));
}

class ModelCommandTest : public EmbedCommandTest {};

TEST_F(ModelCommandTest, VerifySaysWhatAFolderHolds) {
  EXPECT_EQ(Run({"model", "verify", model_}), 0) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("model.safetensors"), HasSubstr("static, dimension 2"),
                          HasSubstr("8 tokens"), HasSubstr("no vectors are shipped")));
  EXPECT_EQ(Run({"--json", "model", "verify", model_}), 0) << err_;
  const json report = json::parse(out_);
  EXPECT_EQ(report["parameters"], 16);
  EXPECT_EQ(report["files"].size(), 3U);
  EXPECT_EQ(report["files"][0]["name"], "config.json");
  EXPECT_THAT(report["self_test"], testing::IsEmpty());
}

TEST_F(ModelCommandTest, VerifyNamesFileAndKey) {
  Write("model/config.json", R"({"model_type": "gpt2"})");
  EXPECT_EQ(Run({"model", "verify", model_}), 2);
  EXPECT_THAT(err_, AllOf(HasSubstr(model_), HasSubstr("config.json"), HasSubstr("model_type"),
                          HasSubstr("expected")));
  EXPECT_EQ(Run({"model", "verify", "/does/not/exist"}), 2);
  EXPECT_EQ(Run({"model"}), 2);
}

}  // namespace
}  // namespace nearhit
