// import against a daemon: what is loaded, and whose fault an error is.
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/client.h"
#include "tests/cli/cli_fixture.h"

namespace nearhit {
namespace {

using testing::HasSubstr;

class ImportCommandTest : public CliFixture {
 protected:
  void SetUp() override {
    CliFixture::SetUp();
    file_ = Write("two.txt", "first question\nsecond question\n");
  }

  std::string file_;
};

TEST_F(ImportCommandTest, WhatIsImportedIsFound) {
  EXPECT_EQ(Run({"import", "-n", "faq", file_}), kExitOk);
  EXPECT_THAT(out_, testing::StartsWith("2 imported, 0 replaced, 0 bad"));
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", file_}), kExitOk);
}

TEST_F(ImportCommandTest, SaysHowManyHaveNoVector) {
  ASSERT_EQ(Run({"ns", "create", "bare", "--dimension", "2"}), kExitOk) << err_;
  EXPECT_EQ(Run({"import", "-n", "bare", file_}), kExitOk);
  EXPECT_THAT(out_, testing::StartsWith("2 imported, 0 replaced, 0 bad, 2 without a vector"));
}

TEST_F(ImportCommandTest, BadVectorFileIsWrongUse) {
  EXPECT_EQ(Run({"import", "-n", "plane", file_, "--vectors", "/does/not/exist.npy"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("/does/not/exist.npy"));
  const std::string torn = Write("torn.fvecs", std::string("\2\0\0\0\0\0", 6));
  EXPECT_EQ(Run({"import", "-n", "plane", file_, "--vectors", torn}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("torn.fvecs"));
  EXPECT_EQ(Run({"import", "-n", "plane", file_, "--vectors", Write("v.parquet", "x")}),
            kExitUsage);
  const std::string one = Write("one.fvecs", std::string("\1\0\0\0\0\0\x80\x3f", 8));
  EXPECT_EQ(Run({"import", "-n", "plane", file_, "--vectors", one}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("have dimension 1, namespace plane has 2"));
}

TEST_F(ImportCommandTest, StaleProgressFileIsWrongUse) {
  const std::string progress = file_ + ".nearhit-progress";
  Write("two.txt.nearhit-progress",
        R"({"namespace":"faq","file_bytes":99,"modified_ns":1,"line":1})");
  EXPECT_EQ(Run({"import", "-n", "faq", file_, "--resume"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr(progress + " is of another file or namespace; remove it"));
  Write("two.txt.nearhit-progress", "{");
  EXPECT_EQ(Run({"import", "-n", "faq", file_, "--resume"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("cannot be understood"));
  EXPECT_TRUE(std::filesystem::remove(progress));
  EXPECT_EQ(Run({"import", "-n", "faq", file_, "--resume"}), kExitOk);
  EXPECT_FALSE(std::filesystem::exists(progress));
}

TEST_F(ImportCommandTest, OtherFilesAtFaultAreWrongUse) {
  EXPECT_EQ(Run({"import", "-n", "faq", file_, "--bad-lines", "/does/not/exist"}), kExitUsage);
  EXPECT_EQ(Run({"import", "-n", "faq", Write("cut.gz", "\x1f\x8b\x08")}), kExitUsage);
}

TEST_F(ImportCommandTest, FileWithoutOneGoodLineIsWrongUse) {
  EXPECT_EQ(Run({"import", "-n", "faq", "--format", "jsonl", file_}), kExitUsage);
  EXPECT_THAT(out_, testing::StartsWith("0 imported, 0 replaced, 2 bad"));
  EXPECT_THAT(err_, HasSubstr(file_ + ": no line of it could be imported"));
  const std::string good_line = "{\"prompt\":\"third question\",\"answer\":\"yes\"}\n";
  const std::string mixed = Write("mixed.jsonl", "not json\n" + good_line);
  EXPECT_EQ(Run({"import", "-n", "faq", mixed}), kExitOk);
  EXPECT_THAT(out_, testing::StartsWith("1 imported, 0 replaced, 1 bad"));
  EXPECT_EQ(Run({"import", "-n", "faq", mixed}), kExitOk);
  EXPECT_THAT(out_, testing::StartsWith("1 imported, 1 replaced, 1 bad"));
  EXPECT_EQ(Run({"import", "-n", "faq", Write("empty.jsonl", "")}), kExitOk);
}

TEST_F(ImportCommandTest, FileThatStoresNothingIsWrongUse) {
  for (const char* text : {"prompt,answer\n", "\n\n", "[]", "question,reply\na,b\nc,d\n"}) {
    const std::string file = Write(text[0] == '[' ? "none.json" : "none.csv", text);
    EXPECT_EQ(Run({"import", "-n", "faq", file}), kExitUsage) << text;
    EXPECT_THAT(out_, testing::StartsWith("0 imported, 0 replaced, 0 bad"));
    EXPECT_NE(err_, "");
  }
}

TEST_F(ImportCommandTest, NameInCapitalsSaysTheFormatAsWell) {
  EXPECT_EQ(Run({"import", "-n", "faq", Write("FAQ.CSV", "prompt;answer\nfirst question;42\n")}),
            kExitOk);
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--answer-only", "first question"}), kExitOk);
  EXPECT_EQ(out_, "42");
  EXPECT_EQ(Run({"import", "-n", "faq", "--separator", "tab",
                 Write("tabs.csv", "prompt\tanswer\nsecond question\t43\n")}),
            kExitOk);
  EXPECT_EQ(Run({"import", "-n", "faq", "--separator", "ab", file_}), kExitUsage);
}

TEST_F(ImportCommandTest, WhatCameBeforeDamageIsStored) {
  const std::string cut = "prompt,answer\nfirst question,1\n\"second question\",\"cut\noff";
  EXPECT_EQ(Run({"import", "-n", "faq", Write("cut.csv", cut)}), kExitUsage);
  EXPECT_THAT(out_, testing::StartsWith("1 imported, 0 replaced, 0 bad"));
  EXPECT_THAT(err_, HasSubstr("lines 3 to 4"));
}

TEST_F(ImportCommandTest, ServersRefusalIsNotWrongUse) {
  EXPECT_EQ(Run({"import", "-n", "nobody", file_}), kExitNotFound);
  ASSERT_THAT(daemon_->Stop(), IsOk());
  EXPECT_EQ(Run({"--timeout", "2", "import", "-n", "faq", file_}), kExitUnavailable);
}

}  // namespace
}  // namespace nearhit
