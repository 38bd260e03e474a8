// Records of files as people have them.
#include "cli/record_reader.h"

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RecordReaderFilesTest : public testing::Test {
 protected:
  RecordReader Open(const std::string& bytes, const RecordOptions& options) {
    const std::filesystem::path path = dir_.path() / "input";
    std::ofstream(path, std::ios::binary) << bytes;
    auto lines = LineReader::Open(path, std::size_t{1} << 20);
    EXPECT_THAT(lines, IsOk());
    lines_ = std::move(lines).value();
    return {lines_.get(), options};
  }
  // "text=answer" of each record, "!" of each bad one; the error that ends it goes to status_.
  std::vector<std::string> ReadAll(const std::string& bytes, const RecordOptions& options) {
    RecordReader reader = Open(bytes, options);
    std::vector<std::string> all;
    while (true) {
      Result<bool> more = reader.Next(&record_);
      const bool has_record = more.ok() && *more;
      status_ = std::move(more).status();
      if (status_.code() == StatusCode::kInvalidArgument) {
        all.emplace_back("!");
      } else if (!has_record) {
        return all;
      } else {
        all.push_back(record_.text + "=" + record_.answer);
      }
    }
  }
  static RecordOptions Csv() { return {.format = ImportFormat::kCsv}; }

  TempDir dir_;
  std::unique_ptr<LineReader> lines_;
  ImportRecord record_;
  Status status_;
};

TEST(ImportFormatTest, IsKnownByTheNameInCapitalsToo) {
  EXPECT_EQ(GuessImportFormat("FAQ.CSV"), ImportFormat::kCsv);
  EXPECT_EQ(GuessImportFormat("a/Faq.Jsonl.GZ"), ImportFormat::kJsonl);
  EXPECT_EQ(GuessImportFormat("faq.TSV"), ImportFormat::kTsv);
  EXPECT_EQ(GuessImportFormat("faq.tab.gz"), ImportFormat::kTsv);
  EXPECT_EQ(GuessImportFormat("csv"), ImportFormat::kLines);
}

TEST_F(RecordReaderFilesTest, FindsTheSeparatorInTheHeader) {
  for (const char* text :
       {"prompt;answer\na,b;c\n", "prompt\tanswer\na,b\tc\n", "\"prompt\"|\"answer\"\na,b|c\n",
        "sep=;\r\nprompt;answer\r\na,b;c\r\n", "\xef\xbb\xbf\"prompt\";\"answer\"\n\"a,b\";c\n"}) {
    EXPECT_THAT(ReadAll(text, Csv()), ElementsAre("a,b=c")) << text;
    EXPECT_THAT(status_, IsOk());
  }
  RecordOptions named = Csv();
  named.columns = {"prompt", "answer"};
  EXPECT_THAT(ReadAll("a;b\nc,d;e\n", named), ElementsAre("a=b", "c,d=e"));
  named.separator = ',';
  EXPECT_THAT(ReadAll("a;b\nc,d;e\n", named), ElementsAre("!", "c=d;e"));
}

TEST_F(RecordReaderFilesTest, AHeaderWhereFilesWereJoinedIsNoRecord) {
  EXPECT_THAT(ReadAll("prompt,answer\na,b\n\"prompt\",answer\nc,d\n", Csv()),
              ElementsAre("a=b", "c=d"));
  // Rows count records: vectors come from another file.
  RecordReader reader = Open("prompt,answer\nprompt,answer\na,b\n", Csv());
  ASSERT_THAT(reader.Next(&record_), IsOk());
  EXPECT_EQ(record_.row, 0U);
  RecordOptions named = Csv();
  named.columns = {"prompt", "answer"};
  EXPECT_THAT(ReadAll("a,b\nprompt,answer\n", named), ElementsAre("a=b", "prompt=answer"));
}

TEST_F(RecordReaderFilesTest, AnObjectMayBeginWithAFieldAndGoOnInTheNextLine) {
  const RecordOptions json = {.format = ImportFormat::kJsonl};
  for (const std::string first : {"{", "{\"prompt\":", "{\"prompt\": \"a\", ", "{ \"tags\": ["}) {
    const std::string rest = first == "{"             ? "\"prompt\": \"a\","
                             : first.ends_with("[")   ? "\"x\"], \"prompt\": \"a\","
                             : first.ends_with("\":") ? "\"a\","
                                                      : "";
    EXPECT_THAT(ReadAll(first + "\r\n" + rest +
                            "\n\"answer\": \"b\"}\n{\"prompt\":\"c\",\n\"answer\":\"d\"}",
                        json),
                ElementsAre("a=b", "c=d"))
        << first;
  }
  // One object to a line is read so, whatever the first one lacks.
  EXPECT_THAT(ReadAll("{\"prompt\":\"a\n{\"prompt\":\"c\",\"answer\":\"d\"}\n", json),
              ElementsAre("!", "c=d"));
}

TEST_F(RecordReaderFilesTest, PassesOverSpacesThatTheHeaderHasToo) {
  EXPECT_THAT(ReadAll("prompt, answer\na, b\nc, \"d, e\"\n", Csv()), ElementsAre("a=b", "c=d, e"));
  EXPECT_THAT(ReadAll("prompt,answer\na, b\n", Csv()), ElementsAre("a= b"));
}

TEST_F(RecordReaderFilesTest, HeaderWithoutANeededColumnIsSaidOnce) {
  EXPECT_THAT(ReadAll("question,reply\na,b\nc,d\n", Csv()), ElementsAre());
  EXPECT_THAT(status_, StatusIs(StatusCode::kFailedPrecondition,
                                testing::AllOf(HasSubstr("line 1"), HasSubstr("--text-field"))));
  EXPECT_THAT(ReadAll("prompt,reply\na,b\n", Csv()), ElementsAre());
  EXPECT_THAT(status_, StatusIs(StatusCode::kFailedPrecondition, HasSubstr("--answer-field")));
  EXPECT_THAT(ReadAll("prompt,answer,answer\na,b,c\n", Csv()), ElementsAre());
  EXPECT_THAT(status_, StatusIs(StatusCode::kFailedPrecondition, HasSubstr("more than once")));
  EXPECT_THAT(ReadAll("prompt,answer_base64\na,Yg==\n", Csv()), ElementsAre("a=b"));
  RecordOptions vectors = Csv();
  vectors.vectors = true;
  EXPECT_THAT(ReadAll("key,payload\na,b\n", vectors), ElementsAre());
  EXPECT_THAT(status_, StatusIs(StatusCode::kFailedPrecondition, HasSubstr("--vector-field")));
  vectors.vectors_beside = true;
  EXPECT_THAT(ReadAll("key,payload\na,b\n", vectors), ElementsAre("a=b"));
}

TEST_F(RecordReaderFilesTest, StrayQuoteDoesNotSwallowWhatFollows) {
  std::string text = "prompt,answer\n\"broken,answer\n";
  for (int i = 0; i < 1'000; ++i) {
    text += "q" + std::to_string(i) + ",a\n";
  }
  const std::vector<std::string> all = ReadAll(text, Csv());
  EXPECT_THAT(status_, IsOk());
  EXPECT_EQ(all.size(), 1'001U);
  EXPECT_EQ(all.front(), "!");
  EXPECT_EQ(all.back(), "q999=a");
}

TEST_F(RecordReaderFilesTest, CellsKeepTheirBytes) {
  EXPECT_THAT(ReadAll("prompt,answer\r\n\"a\",\"1\r\n2\r\n\"\r\n", Csv()),
              ElementsAre("a=1\r\n2\r\n"));
  EXPECT_THAT(ReadAll("prompt,answer\ng\xfc,x\ny,g\xfc\nz,ok\n", Csv()),
              ElementsAre("!", "!", "z=ok"));
}

TEST_F(RecordReaderFilesTest, ReadsJsonInEveryLayout) {
  for (const char* text :
       {R"([{"prompt":"a","answer":"1"},{"prompt":"b","answer":"2"}])",
        "[\n {\n  \"prompt\": \"a\",\n  \"answer\": \"1\"\n },\n "
        "{\"prompt\":\"b\",\"answer\":\"2\"}\n]\n",
        "{\n \"prompt\": \"a\",\n \"answer\": \"1\"\n}\n{\n \"prompt\":\"b\",\"answer\":\"2\"\n}\n",
        "\n{\"prompt\":\"a\",\"answer\":\"1\"}\n{\"prompt\":\"b\",\"answer\":\"2\"}"}) {
    EXPECT_THAT(ReadAll(text, {}), ElementsAre("a=1", "b=2")) << text;
    EXPECT_THAT(status_, IsOk());
  }
  EXPECT_THAT(ReadAll("[{\"prompt\":\"a\",\"answer\":\"1\"},{},7,\n{\"prompt\":\"b\"", {}),
              ElementsAre("a=1", "!", "!"));
  EXPECT_THAT(status_, StatusIs(StatusCode::kDataLoss, HasSubstr("line 2")));
}

// All records of an array may be on one line: a progress file counts them.
TEST_F(RecordReaderFilesTest, GoesOnWithinAnArray) {
  RecordReader reader = Open(
      R"([{"prompt":"a","answer":"1"},{"prompt":"b","answer":"2"},{"prompt":"c","answer":"3"}])",
      {});
  reader.SkipThrough(2);
  ASSERT_THAT(reader.Next(&record_), IsOkAndHolds(true));
  EXPECT_EQ(record_.text, "c");
  EXPECT_EQ(record_.row, 2U);
  EXPECT_EQ(record_.end_line, 3U);
  EXPECT_EQ(record_.line, 1U);
}

TEST_F(RecordReaderFilesTest, AnswersStayAsTheyWereWritten) {
  const std::string answer =
      R"({ "zeta":1, "alpha":2.50,"big":12345678901234567890123,"e":[1e2 , -0],"s":"}\"" })";
  EXPECT_THAT(ReadAll(R"({"\u0070rompt":"p" , "answer" : )" + answer + R"( , "n":"}"})", {}),
              ElementsAre("p=" + answer));
  EXPECT_THAT(ReadAll(R"({"answer":-0,"prompt":"p"})", {}), ElementsAre("p=-0"));
  EXPECT_THAT(ReadAll(R"([{"prompt":"p","answer":[1.0, 2]}])", {}), ElementsAre("p=[1.0, 2]"));
}

TEST_F(RecordReaderFilesTest, DepthIsNoDanger) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_THAT(ReadAll(R"({"prompt":"p","answer":)" + deep + "}\n", {}), ElementsAre("p=" + deep));
  EXPECT_THAT(ReadAll("[{\"prompt\":\"p\",\"answer\":" + deep + "}]", {}),
              ElementsAre("p=" + deep));
  for (const char* field : {"tags", "vector", "prompt", "other"}) {
    const std::string line = std::string(R"({"answer":"x",")") + field + "\":" + deep + "}\n";
    EXPECT_THAT(ReadAll(line, {}), ElementsAre("!"));
  }
  EXPECT_THAT(ReadAll(std::string(100'000, '['), {}), ElementsAre());
  EXPECT_THAT(status_, StatusIs(StatusCode::kDataLoss));
}

TEST_F(RecordReaderFilesTest, FieldsThatAreThereTwiceAreBad) {
  EXPECT_THAT(ReadAll(R"({"prompt":"a","prompt":"b","answer":"x"})", {}), ElementsAre("!"));
  EXPECT_THAT(ReadAll(R"({"prompt":"a","answer":{"x":1,"x":2}})", {}),
              ElementsAre(R"(a={"x":1,"x":2})"));
}

TEST_F(RecordReaderFilesTest, NumbersAreWhatTheySayOrRefused) {
  const auto read = [this](const std::string& fields) {
    return ReadAll(R"({"prompt":"p","answer":"x",)" + fields + "}", {});
  };
  for (const char* bad :
       {R"("ttl_ms":0.4)", R"("ttl_ms":1.5)", R"("ttl_ms":-1)", R"("ttl_ms":true)",
        R"("ttl_ms":"1_000")", R"("ttl_ms":"0x10")", R"("ttl_ms":"nan")", R"("prompt_tokens":1.5)",
        R"("vector":"1_0 1")", R"("vector":"0x10")", R"("vector":"nan 1")", R"("vector":[NaN])",
        R"("vector":"1e39")"}) {
    EXPECT_THAT(read(bad), ElementsAre("!")) << bad;
  }
  EXPECT_THAT(read(R"("ttl_ms":"+60000")"), ElementsAre("p=x"));
  EXPECT_EQ(record_.ttl_ms, std::nullopt);  // of the record after the last
  RecordReader reader = Open(
      R"({"prompt":"p","answer":"x","ttl_ms":"+6e4","vector":"+0.5 +.5 -1e-45 1e-50 1e-400"})", {});
  ASSERT_THAT(reader.Next(&record_), IsOkAndHolds(true));
  EXPECT_EQ(record_.ttl_ms, 60'000);
  EXPECT_THAT(record_.vector, ElementsAre(0.5F, 0.5F, -1e-45F, 0.0F, 0.0F));
}

TEST_F(RecordReaderFilesTest, LinesThatAreAnotherFormatAreRefused) {
  const RecordOptions guessed{.format = ImportFormat::kLines, .guessed = true};
  for (const char* text : {"{\"prompt\":\"a\",\"answer\":\"b\"}\n", "[\n{}]",
                           "prompt,answer\na,b\n", "\"answer\";\"prompt\"\na;b\n"}) {
    EXPECT_THAT(ReadAll(text, guessed), ElementsAre());
    EXPECT_THAT(status_, StatusIs(StatusCode::kFailedPrecondition, HasSubstr("--format"))) << text;
    EXPECT_THAT(ReadAll(text, {.format = ImportFormat::kLines}), testing::SizeIs(testing::Ge(1U)));
  }
  EXPECT_THAT(ReadAll("prompt answer\n{x}\n", guessed),
              ElementsAre("prompt answer=prompt answer", "{x}={x}"));
}

}  // namespace
}  // namespace nearhit
