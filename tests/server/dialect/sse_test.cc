#include "server/dialect/sse.h"

#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/dialect/dialect_data.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using testing::ElementsAre;

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::vector<std::size_t> EveryByte(std::string_view stream) {
  std::vector<std::size_t> cuts(stream.size());
  std::iota(cuts.begin(), cuts.end(), 0);
  return cuts;
}

void ExpectSameForEveryCut(const std::string& stream) {
  const std::vector<SseBlock> whole = ReadBlocks(stream);
  EXPECT_EQ(ReadBlocks(stream, EveryByte(stream)), whole);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    ASSERT_EQ(ReadBlocks(stream, {cut}), whole) << "cut at " << cut;
  }
}

TEST(SseParser, ReadsNameAndData) {
  EXPECT_THAT(ReadBlocks("event: ping\ndata: {}\n\ndata:x\n\n"),
              ElementsAre(SseBlock{"ping", "{}", "event: ping\ndata: {}\n\n"},
                          SseBlock{"", "x", "data:x\n\n"}));
}

TEST(SseParser, JoinsLinesOfData) {
  EXPECT_THAT(ReadBlocks("data: a\ndata\ndata:  b\n\n"),
              ElementsAre(SseBlock{"", "a\n\n b", "data: a\ndata\ndata:  b\n\n"}));
}

TEST(SseParser, IgnoresOtherFields) {
  const std::string block = "id: 7\nretry: 10\nother\n: comment\ndata: a\nevents: x\n\n";
  EXPECT_THAT(ReadBlocks(block), ElementsAre(SseBlock{"", "a", block}));
}

TEST(SseParser, DeliversBlocksWithoutDataAsNothing) {
  EXPECT_THAT(ReadBlocks(": keep-alive\n\nevent: ping\n\n\ndata\n\n"),
              ElementsAre(SseBlock{"", "", ": keep-alive\n\n"}, SseBlock{"", "", "event: ping\n\n"},
                          SseBlock{"", "", "\n"}, SseBlock{"", "", "data\n\n"}));
}

TEST(SseParser, ForgetsTheNameAfterABlock) {
  EXPECT_THAT(ReadEvents("event: a\n\ndata: 1\n\nevent: b\ndata: 2\n\ndata: 3\n\n")[3].name, "");
}

TEST(SseParser, TakesEveryEndOfALine) {
  for (const std::string_view end : {"\n", "\r\n", "\r"}) {
    const std::string stream = Replaced("event: a\ndata: b\n\n: c\n\ndata: d\n\n", "\n", end);
    const std::vector<SseBlock> blocks = ReadBlocks(stream);
    ASSERT_EQ(blocks.size(), 3U);
    EXPECT_EQ(blocks[0].name, "a");
    EXPECT_EQ(blocks[0].data, "b");
    EXPECT_EQ(blocks[2].data, "d");
    EXPECT_EQ(blocks[0].raw + blocks[1].raw + blocks[2].raw, stream);
    ExpectSameForEveryCut(stream);
  }
}

TEST(SseParser, TakesMixedEndsOfLines) {
  for (const std::string stream :
       {"data: a\r\r\ndata: b\r\n\rdata: c\r\r", "data: a\n\r\ndata: b\r\n\n\r\n", "\r\n\r\r\n\n",
        "data: a\r\n\r\n\r\ndata: b\n\r", "\r", "\n", "\r\r\r\n", "data: a\r\r\n\r\ndata: b\n\n"}) {
    ExpectSameForEveryCut(stream);
  }
}

TEST(SseParser, DropsAByteOrderMarkInFront) {
  EXPECT_THAT(ReadBlocks("\xef\xbb\xbf"
                         "data: a\n\n"),
              ElementsAre(SseBlock{"", "a", "data: a\n\n"}));
  EXPECT_EQ(ReadEvents("data: a\n\n\xef\xbb\xbf"
                       "data: b\n\n")[1]
                .data,
            "");
  ExpectSameForEveryCut("\xef\xbb\xbf\r\rdata: a\r\r");
}

TEST(DataLines, AreWhatTheParserJoins) {
  EXPECT_THAT(DataLines("\ndata: a\r\nevent: data\rdata\n: data\ndata:\ndata:  b\ndatax: c\n\n"),
              ElementsAre("a", "", "", " b"));
}

TEST(SseParser, DeliversABlockOfCarriageReturnsAtOnce) {
  EXPECT_EQ(ReadBlocks("data: a\r\r").size(), 1U);
}

TEST(SseParser, SaysWhetherABlockIsUnfinished) {
  SseParser parser;
  const auto ignore = [](const SseEvent&, std::string_view) {};
  EXPECT_TRUE(parser.at_boundary());
  EXPECT_THAT(parser.Feed("data: a\r\n", ignore), IsOk());
  EXPECT_FALSE(parser.at_boundary());
  EXPECT_THAT(parser.Feed("\r", ignore), IsOk());
  EXPECT_FALSE(parser.at_boundary());
  EXPECT_THAT(parser.Feed("\n", ignore), IsOk());
  EXPECT_TRUE(parser.at_boundary());
  EXPECT_THAT(parser.Feed("data: a\r\r\n", ignore), IsOk());
  EXPECT_TRUE(parser.at_boundary());
}

TEST(SseParser, RefusesALongBlock) {
  const std::string line(SseParser::kMaxEventBytes / 4, ':');
  for (const std::size_t piece : {std::size_t{1} << 12, 4 * line.size()}) {
    std::string stream = "data: a\n\n" + line + "\n" + line + "\n" + line + "\n" + line + "\n\n";
    SseParser parser;
    std::size_t blocks = 0;
    const auto count = [&blocks](const SseEvent&, std::string_view) { ++blocks; };
    Status status;
    for (std::string_view rest = stream; !rest.empty() && status.ok();) {
      status = parser.Feed(rest.substr(0, piece), count);
      rest.remove_prefix(std::min(piece, rest.size()));
    }
    EXPECT_THAT(status, StatusIs(StatusCode::kResourceExhausted));
    EXPECT_EQ(blocks, 1U);
    EXPECT_THAT(parser.Feed("\n\ndata: b\n\n", count), StatusIs(StatusCode::kResourceExhausted));
    EXPECT_EQ(blocks, 1U);
  }
}

TEST(SseParser, TakesABlockOfTheLargestSize) {
  const std::string stream = std::string(SseParser::kMaxEventBytes - 2, ':') + "\n\n";
  EXPECT_EQ(ReadBlocks(stream).size(), 1U);
}

TEST(SseParser, ReadsEveryStreamTheSameHoweverItIsCut) {
  for (const std::string& name : DialectFiles(".sse")) {
    SCOPED_TRACE(name);
    const std::string stream = ReadDialectFile(name + ".sse");
    ExpectSameForEveryCut(stream);
    ExpectSameForEveryCut(Replaced(stream, "\n", "\r\n"));
    ExpectSameForEveryCut(Replaced(stream, "\n", "\r"));
  }
}

TEST(FormatSse, WritesABlockThatReadsTheSame) {
  EXPECT_EQ(FormatSse("", "x"), "data: x\n\n");
  EXPECT_EQ(FormatSse("a", "x"), "event: a\ndata: x\n\n");
  EXPECT_EQ(ReadEvents(FormatSse("a", "x\n\ny"))[0].data, "x\n\ny");
  EXPECT_EQ(ReadEvents(FormatSse("a", ""))[0].name, "a");
}

}  // namespace
}  // namespace nearhit::server
