// Commands on single entries, and export, against a daemon.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "tests/cli/cli_fixture.h"

namespace nearhit {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class EntryCommandsTest : public CliFixture {
 protected:
  // The entry that the last command printed, in JSON.
  json Printed() const { return json::parse(out_); }
  std::string Contents(const std::string& name) const {
    std::ostringstream bytes;
    bytes << std::ifstream(dir_.path() / name, std::ios::binary).rdbuf();
    return bytes.str();
  }
  int Export(const std::string& name, const std::string& file) {
    return Run({"export", "-n", name, "-o", (dir_.path() / file).string(), "--vectors"});
  }
};

TEST_F(EntryCommandsTest, WhatIsStoredIsGotAndDeleted) {
  ASSERT_EQ(Run({"--json", "store", "-n", "faq", "--tag", "a", "--tag", "b", "--model", "m",
                 "--ttl", "1h", "a question", "an answer"}),
            kExitOk)
      << err_;
  const std::string id = std::to_string(Printed().at("id").get<std::uint64_t>());
  ASSERT_EQ(Run({"--json", "get", "-n", "faq", id}), kExitOk) << err_;
  const json entry = Printed();
  EXPECT_EQ(entry.at("prompt"), "a question");
  EXPECT_EQ(entry.at("answer"), "an answer");
  EXPECT_EQ(entry.at("model"), "m");
  EXPECT_EQ(entry.at("tags"), json({"a", "b"}));
  EXPECT_EQ(Run({"delete", "-n", "faq", id}), kExitOk);
  EXPECT_EQ(Run({"get", "-n", "faq", id}), kExitNotFound);
}

TEST_F(EntryCommandsTest, InvalidateCountsBeforeItDeletes) {
  for (const std::string slot : {"one", "two", "three"}) {
    ASSERT_EQ(Run({"store", "-n", "faq", "--tag", slot == "one" ? "odd" : "even", slot, "x"}),
              kExitOk);
  }
  EXPECT_EQ(Run({"invalidate", "-n", "faq", "--tag", "even", "--dry-run"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("2"));
  EXPECT_EQ(Run({"lookup", "-n", "faq", "two"}), kExitOk);
  EXPECT_EQ(Run({"invalidate", "-n", "faq", "--tag", "even"}), kExitOk);
  EXPECT_EQ(Run({"lookup", "-n", "faq", "two"}), kExitNotFound);
  EXPECT_EQ(Run({"lookup", "-n", "faq", "one"}), kExitOk);
}

TEST_F(EntryCommandsTest, VectorsAreFoundByLikenessAndTag) {
  ASSERT_EQ(Run({"upsert", "-n", "points", "east", "--vector", "1,0", "--payload", "E"}), kExitOk)
      << err_;
  ASSERT_EQ(Run({"upsert", "-n", "points", "north", "--vector", "0,1", "--tag", "cold"}), kExitOk);
  ASSERT_EQ(Run({"search", "-n", "points", "--vector", "1,0.1", "-k", "1", "--payload"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("east"));
  EXPECT_THAT(out_, testing::Not(HasSubstr("north")));
  ASSERT_EQ(Run({"search", "-n", "points", "--vector", "1,0.1", "--tag", "cold"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("north"));
  ASSERT_EQ(Run({"search", "-n", "points", "--vector", "1,0.1", "--tag", "cold", "--explain"}),
            kExitOk);
  EXPECT_THAT(out_, HasSubstr("PLAN      scan"));
  EXPECT_EQ(Run({"search", "-n", "points", "--vector", "1,0,0"}), kExitRefused);
  EXPECT_THAT(err_, HasSubstr("dimension"));
}

TEST_F(EntryCommandsTest, ExplainShowsTheStepsOfALookup) {
  ASSERT_EQ(Run({"store", "-n", "plane", "a question", "an answer", "--vector", "1,0"}), kExitOk)
      << err_;
  ASSERT_EQ(Run({"lookup", "-n", "plane", "--vector", "1,0.01", "--explain", "in other words"}),
            kExitOk)
      << err_;
  EXPECT_THAT(out_, HasSubstr("the scope has entries"));
  EXPECT_THAT(out_, HasSubstr("scan: 1 entries"));
  EXPECT_THAT(out_, testing::ContainsRegex("served +threshold"));
  ASSERT_EQ(Run({"--json", "lookup", "-n", "plane", "--vector", "1,0.01", "--explain", "again"}),
            kExitOk)
      << err_;
  const json trace = Printed().at("trace");
  EXPECT_EQ(trace.at("candidates").at(0).at("verdict"), "served");
  EXPECT_EQ(trace.at("search").at("rescored"), 1);
  ASSERT_EQ(Run({"--json", "lookup", "-n", "plane", "--vector", "1,0.01", "again"}), kExitOk);
  EXPECT_FALSE(Printed().contains("trace"));
}

TEST_F(EntryCommandsTest, AnExportIsImportedAgain) {
  std::string lines;
  for (int i = 0; i < 250; ++i) {  // more than two pages
    lines += R"({"prompt": "question )" + std::to_string(i) + R"(", "answer": "answer \u00e9)" +
             std::to_string(i) + R"(", "scope": "s", "tags": ["t"], "vector": [1, )" +
             std::to_string(i) + "]}\n";
  }
  ASSERT_EQ(Run({"import", "-n", "plane", Write("in.jsonl", lines)}), kExitOk) << err_;
  ASSERT_THAT(out_, StartsWith("250 imported, 0 replaced, 0 bad"));
  ASSERT_EQ(Export("plane", "out.jsonl"), kExitOk) << err_;
  const std::string exported = Contents("out.jsonl");
  EXPECT_EQ(std::count(exported.begin(), exported.end(), '\n'), 250);
  EXPECT_THAT(exported, HasSubstr("question 249"));
  ASSERT_EQ(Run({"invalidate", "-n", "plane", "--all"}), kExitOk);
  ASSERT_EQ(Run({"import", "-n", "plane", (dir_.path() / "out.jsonl").string()}), kExitOk) << err_;
  EXPECT_THAT(out_, StartsWith("250 imported, 0 replaced, 0 bad"));
  ASSERT_EQ(Run({"--json", "lookup", "-n", "plane", "--scope", "s", "question 7"}), kExitOk);
  EXPECT_EQ(Printed().at("answer"), "answer \u00e97");
  // The vectors went along: another text is answered by likeness.
  ASSERT_EQ(Run({"--json", "lookup", "-n", "plane", "--scope", "s", "--vector", "1,3", "other"}),
            kExitOk)
      << err_;
  EXPECT_EQ(Printed().at("answer"), "answer \u00e93");
}

TEST_F(EntryCommandsTest, ExportOfVectorsStopsAtItsLimit) {
  for (const std::string key : {"a", "b", "c"}) {
    ASSERT_EQ(Run({"upsert", "-n", "points", key, "--vector", "1,0"}), kExitOk);
  }
  const std::string file = (dir_.path() / "two.jsonl").string();
  ASSERT_EQ(Run({"export", "-n", "points", "-o", file, "--limit", "2"}), kExitOk) << err_;
  const std::string two = Contents("two.jsonl");
  EXPECT_EQ(std::count(two.begin(), two.end(), '\n'), 2);
  EXPECT_EQ(Run({"export", "-n", "nobody", "-o", file}), kExitNotFound);
  EXPECT_EQ(Contents("two.jsonl"), two);  // a failed export leaves what was there
}

}  // namespace
}  // namespace nearhit
