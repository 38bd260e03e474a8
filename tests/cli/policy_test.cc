// label and policy, against a daemon.
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

constexpr const char* kStored = "How do I reset my password?";
constexpr const char* kAsked = "How do I reset my password please?";

class PolicyCommandsTest : public CliFixture {
 protected:
  std::uint64_t Store() {
    EXPECT_EQ(Run({"--json", "store", "-n", "faq", kStored, "answer"}), kExitOk) << err_;
    return json::parse(out_).at("id").get<std::uint64_t>();
  }
  json Show() {
    EXPECT_EQ(Run({"--json", "policy", "show", "-n", "faq"}), kExitOk) << err_;
    return json::parse(out_);
  }
};

TEST_F(PolicyCommandsTest, AWrongPairIsNotServed) {
  const std::string id = std::to_string(Store());
  ASSERT_EQ(Run({"lookup", "-n", "faq", kAsked}), kExitOk) << err_;
  EXPECT_EQ(Run({"label", "-n", "faq", "--id", id, "--wrong", kAsked}), kExitOk) << err_;
  EXPECT_EQ(Run({"--json", "lookup", "-n", "faq", kAsked}), kExitNotFound);
  EXPECT_THAT(out_, HasSubstr("labelled"));
  EXPECT_EQ(Show().at("refused_pairs"), 1);
}

TEST_F(PolicyCommandsTest, ARightPairAnswersItsPrompt) {
  Store();
  EXPECT_EQ(Run({"lookup", "-n", "faq", "let me in"}), kExitNotFound);
  EXPECT_EQ(Run({"label", "-n", "faq", "--matched", kStored, "--right", "let me in"}), kExitOk);
  EXPECT_EQ(Run({"--json", "lookup", "-n", "faq", "let me in"}), kExitOk);
  EXPECT_EQ(json::parse(out_).at("rule"), "label");
}

TEST_F(PolicyCommandsTest, LabelsNeedAnEntryAndAVerdict) {
  EXPECT_EQ(Run({"label", "-n", "faq", "--wrong", "x"}), kExitUsage);
  EXPECT_EQ(Run({"label", "-n", "faq", "--id", "1", "x"}), kExitUsage);
  EXPECT_EQ(Run({"label", "-n", "faq", "--id", "1", "--right", "--wrong", "x"}), kExitUsage);
  EXPECT_EQ(Run({"label", "-n", "faq", "--id", "99", "--wrong", "x"}), kExitNotFound);
}

TEST_F(PolicyCommandsTest, CalibrateGivesTheLabelsOfAFile) {
  std::string pairs = "label\tcached\tasked\n1\tsame\tsame\n";
  for (int i = 0; i < 30; ++i) {
    const std::string item = "item " + std::string(1, static_cast<char>('a' + i % 26));
    pairs += std::to_string(i % 3 == 0 ? 0 : 1) + "\twhere is my " + item + " " +
             std::to_string(i) + "\twhere can I find my " + item + "\n";
  }
  const std::string path = Write("pairs.tsv", pairs);
  EXPECT_EQ(Run({"policy", "calibrate", "-n", "faq", path, "--requests", "3"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--requests is 3"));
  ASSERT_EQ(Run({"--json", "policy", "calibrate", "-n", "faq", path, "--requests", "124"}), kExitOk)
      << err_;
  EXPECT_EQ(json::parse(out_).at("labels"), 30);
  EXPECT_EQ(json::parse(out_).at("same_text"), 1);
  ASSERT_EQ(Run({"ns", "update", "faq", "--max-error", "0.1"}), kExitOk) << err_;
  const json shown = Show();
  EXPECT_EQ(shown.at("labels").at("review"), 30);
  EXPECT_EQ(shown.at("judged_requests"), 120);
  EXPECT_FALSE(shown.at("budgets").empty());
  ASSERT_EQ(Run({"policy", "show", "-n", "faq"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("30 review"));
  EXPECT_THAT(out_, HasSubstr("max_error"));
}

}  // namespace
}  // namespace nearhit
