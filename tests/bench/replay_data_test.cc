#include "bench/workload/replay_data.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::bench {
namespace {

using testing::HasSubstr;

class ReplayDataTest : public testing::Test {
 protected:
  std::filesystem::path Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.path() / name) << text;
    return dir_.path() / name;
  }

 private:
  TempDir dir_;
};

TEST_F(ReplayDataTest, ReadsPairsByTheNamesOfTheirColumns) {
  const auto pairs = ReadPairs(
      Write("pairs.tsv", "label\treason\tcached\tasked\n1\t-\ta\tb\n?\t-\tc\td\n0\tname\te\tf\n"));
  ASSERT_THAT(pairs, IsOk());
  ASSERT_EQ(pairs->size(), 2U);  // "?" was not decided
  EXPECT_EQ((*pairs)[0].cached, "a");
  EXPECT_TRUE((*pairs)[0].same);
  EXPECT_EQ((*pairs)[1].asked, "f");
  EXPECT_FALSE((*pairs)[1].same);
}

TEST_F(ReplayDataTest, RefusesPairsWithoutThem) {
  EXPECT_THAT(ReadPairs(Write("a.tsv", "x\ty\n1\t2\n")), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadPairs(Write("b.tsv", "label\tq1\tq2\n1\ta\n")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("b.tsv:2")));
}

TEST_F(ReplayDataTest, JoinsWhatIsTheSameOverOthers) {
  const auto prompts = StreamOf({{.cached = "a", .asked = "b", .same = true},
                                 {.cached = "c", .asked = "b", .same = true},
                                 {.cached = "a", .asked = "d", .same = false}});
  ASSERT_EQ(prompts.size(), 4U);
  EXPECT_EQ(prompts[0].text, "a");
  EXPECT_EQ(prompts[0].label, prompts[2].label);
  EXPECT_NE(prompts[0].label, prompts[3].label);
}

TEST_F(ReplayDataTest, ReadsStreamsWithLabelsOfAnyKind) {
  const auto prompts = ReadStream(
      Write("s.jsonl", "{\"text\":\"a\",\"label\":7}\n{\"text\":\"b\",\"label\":\"x\"}\n"));
  ASSERT_THAT(prompts, IsOk());
  EXPECT_EQ((*prompts)[0].label, "7");
  EXPECT_EQ((*prompts)[1].label, "\"x\"");
  EXPECT_THAT(ReadStream(Write("t.jsonl", "{\"text\":\"a\"}\n")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("t.jsonl:1")));
  EXPECT_THAT(ReadStream(Write("u.jsonl", "nonsense\n")), StatusIs(StatusCode::kInvalidArgument));
}

TEST_F(ReplayDataTest, ARowOfZerosIsNoVector) {
  // fvecs: the dimension before each row.
  constexpr std::int32_t kDimension = 2;
  const std::string size(reinterpret_cast<const char*>(&kDimension), sizeof(kDimension));
  const float row[] = {0, 0.5F};
  const std::string some(reinterpret_cast<const char*>(row), sizeof(row));
  const auto vectors = Write("v.fvecs", size + some + size + std::string(sizeof(row), '\0'));
  const auto known = KnownVectors::Read(Write("t.txt", "one\nnone\n"), vectors);
  ASSERT_THAT(known, IsOk());
  EXPECT_EQ(known->Find("one").size(), 2U);
  EXPECT_TRUE(known->Find("none").empty());
  EXPECT_TRUE(known->Find("other").empty());
}

}  // namespace
}  // namespace nearhit::bench
