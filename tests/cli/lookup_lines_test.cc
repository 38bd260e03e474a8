#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <zlib.h>

#include "cli/client.h"
#include "tests/cli/cli_fixture.h"

namespace nearhit {
namespace {

using testing::HasSubstr;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string in = text;
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// A file of `rows` vectors of two dimensions, all (1, 0).
std::string Fvecs(int rows) {
  std::string bytes;
  for (int i = 0; i < rows; ++i) {
    const std::int32_t dimension = 2;
    const float vector[] = {1, 0};
    bytes.append(reinterpret_cast<const char*>(&dimension), sizeof(dimension));
    bytes.append(reinterpret_cast<const char*>(vector), sizeof(vector));
  }
  return bytes;
}

class LookupLinesTest : public CliFixture {
 protected:
  void SetUp() override {
    CliFixture::SetUp();
    ASSERT_EQ(Run({"store", "-n", "faq", "How do I reset my password?", "the link"}), kExitOk);
    ASSERT_THAT(out_, HasSubstr("id "));
    id_ = out_.substr(out_.find("id ") + 3);
    id_.pop_back();
  }

  std::string id_;
};

TEST_F(LookupLinesTest, AnswersEveryLineInOrder) {
  const std::string file = Write("lines.txt",
                                 "How do I reset my password?\n\nhow do I reset my password\n"
                                 "Which countries are served?\n");
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", file}), kExitNotFound);
  EXPECT_THAT(
      out_, testing::MatchesRegex("1\texact\t1\\.0000\t" + id_ + "\n3\tsemantic\t[01]\\.[0-9]*\t" +
                                  id_ + "\n4\tmiss\t-?0\\.[0-9]*\t\n"));
  EXPECT_THAT(err_, HasSubstr("3 lines: 1 exact, 1 semantic, 1 misses, 0 errors, "));
  EXPECT_THAT(err_, HasSubstr(" lookups/s\n"));
}

TEST_F(LookupLinesTest, AllHitsAreSuccess) {
  const std::string file = Write("lines.gz", Gzip("How do I reset my password?\nanother\n"));
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", file, "--limit", "1"}), kExitOk);
  EXPECT_EQ(out_, "1\texact\t1.0000\t" + id_ + "\n");
}

TEST_F(LookupLinesTest, WritesJsonLines) {
  const std::string file = Write("lines.txt", "How do I reset my password?\n\xff\n");
  EXPECT_EQ(Run({"--json", "lookup", "-n", "faq", "--lines", file}), kExitUsage);
  std::istringstream lines(out_);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto hit = nlohmann::json::parse(line);
  EXPECT_EQ(hit["line"], 1);
  EXPECT_EQ(hit["kind"], "exact");
  EXPECT_EQ(hit["answer"], "the link");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["kind"], "error");
}

TEST_F(LookupLinesTest, KeepsTheOrderOverManyLines) {
  constexpr int kLines = 5000;
  std::string text;
  for (int i = 0; i < kLines; ++i) {
    text += i % 7 == 0 ? "How do I reset my password?\n" : "word" + std::to_string(i) + "\n";
  }
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", Write("lines.txt", text)}), kExitNotFound);
  std::istringstream lines(out_);
  std::string line;
  for (int i = 0; i < kLines; ++i) {
    ASSERT_TRUE(std::getline(lines, line));
    const std::string kind = i % 7 == 0 ? "\texact\t" : "\tmiss\t";
    ASSERT_EQ(line.compare(0, line.find('\t'), std::to_string(i + 1)), 0) << line;
    ASSERT_THAT(line, HasSubstr(kind));
  }
  EXPECT_THAT(err_, HasSubstr("5,000 lines: 715 exact, 0 semantic, 4,285 misses, 0 errors"));
}

TEST_F(LookupLinesTest, BadLinesAreReportedAndGoneOnWith) {
  const std::string too_long(300 << 10, 'x');  // over the limit of a slot
  const std::string file =
      Write("lines.txt", "secret\xff\n" + too_long + "\nHow do I reset my password?\n");
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", file}), kExitUsage);
  EXPECT_EQ(out_, "1\terror\t\t\n2\terror\t\t\n3\texact\t1.0000\t" + id_ + "\n");
  EXPECT_THAT(err_, HasSubstr("line 1: the text is not valid UTF-8"));
  EXPECT_THAT(err_, HasSubstr("line 2: "));
  EXPECT_THAT(err_, HasSubstr("3 lines: 1 exact, 0 semantic, 0 misses, 2 errors"));
  EXPECT_THAT(err_, testing::Not(HasSubstr("secret")));
  const std::string reasons = (dir_.path() / "bad.tsv").string();
  Run({"lookup", "-n", "faq", "--lines", file, "--bad-lines", reasons});
  std::ifstream written(reasons);
  std::string line;
  ASSERT_TRUE(std::getline(written, line));
  EXPECT_EQ(line, "1\tthe text is not valid UTF-8; convert the file to it, as with iconv");
  EXPECT_THAT(err_, testing::Not(HasSubstr("line 1")));
  // Only the server refuses this one.
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", Write("one.txt", too_long)}), kExitRefused);
}

TEST_F(LookupLinesTest, TakesVectorsFromAFile) {
  ASSERT_EQ(Run({"store", "-n", "plane", "east", "right", "--vector", "1,0"}), kExitOk);
  const std::string vectors = Write("two.fvecs", Fvecs(2));
  const std::string file = Write("lines.txt", "where the sun rises\neast\nno row\n");
  EXPECT_EQ(Run({"lookup", "-n", "plane", "--lines", file, "--vectors", vectors}), kExitUsage);
  EXPECT_THAT(out_, testing::StartsWith("1\tsemantic\t1.0000\t"));
  EXPECT_THAT(out_, HasSubstr("\n2\texact\t"));
  EXPECT_THAT(err_, HasSubstr("line 3: the vector file has no row 2"));
}

TEST_F(LookupLinesTest, TellsBadFilesFromBadNamespaces) {
  const std::string file = Write("lines.txt", "east\n");
  const std::string vectors = Write("one.fvecs", Fvecs(1));
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", "/does/not/exist"}), kExitUsage);
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", file, "--vectors", "/no.npy"}), kExitUsage);
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", file, "--vectors", vectors}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("have dimension 2, namespace faq has 384"));
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", Write("cut.gz", Gzip("east\n").substr(0, 15))}),
            kExitUsage);
  EXPECT_EQ(Run({"lookup", "-n", "nobody", "--lines", file}), kExitNotFound);
  EXPECT_EQ(Run({"lookup", "-n", "points", "--lines", file}), kExitRefused);
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", file, "east"}), kExitUsage);
  EXPECT_EQ(Run({"lookup", "-n", "faq"}), kExitUsage);
  EXPECT_EQ(Run({"lookup", "-n", "faq", "east", "--vectors", vectors}), kExitUsage);
  ASSERT_THAT(daemon_->Stop(), IsOk());
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", file}), kExitUnavailable);
}

}  // namespace
}  // namespace nearhit
