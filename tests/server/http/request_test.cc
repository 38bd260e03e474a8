#include "server/http/request.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using testing::StartsWith;

// Small, so that every split of a long request can be tried.
constexpr RequestLimits kLimits{.head_bytes = 512, .headers = 8, .body_bytes = 64};

// What came of some bytes: a line for each request, and one for a refusal or for what is not whole.
using Outcome = std::vector<std::string>;

std::string Line(const HttpServerRequest& request) {
  std::string line = request.method + " " + request.target;
  line += request.http_1_0 ? " 1.0" : "";
  line += request.keep_alive ? "" : " close";
  for (const HttpHeader& header : request.headers) {
    line += " " + header.name + "=" + header.value;
  }
  return line + " [" + request.body + "]";
}

// `cuts`: where pieces end, in ascending order.
Outcome Read(std::string_view bytes, const std::vector<std::size_t>& cuts = {}) {
  Outcome outcome;
  RequestReader reader(kLimits);
  const auto feed = [&](std::string_view piece) {
    while (!piece.empty() && reader.state() != RequestReader::State::kRefused) {
      const std::size_t taken = reader.Feed(piece);
      ASSERT_GT(taken, 0U);
      ASSERT_LE(taken, piece.size());
      piece.remove_prefix(taken);
      if (reader.state() == RequestReader::State::kComplete) {
        outcome.push_back(Line(reader.Take()));
      }
    }
  };
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    feed(bytes.substr(begin, cut - begin));
    begin = cut;
  }
  feed(bytes.substr(begin));
  if (reader.state() == RequestReader::State::kRefused) {
    outcome.push_back(std::to_string(reader.refusal().status) + " " + reader.refusal().reason);
  } else if (reader.state() == RequestReader::State::kReading) {
    outcome.emplace_back("more");
  }
  return outcome;
}

Outcome ReadAllWays(std::string_view bytes) {
  Outcome whole = Read(bytes);
  std::vector<std::size_t> every;
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    every.push_back(cut);
    EXPECT_EQ(Read(bytes, {cut}), whole) << "cut at " << cut;
  }
  EXPECT_EQ(Read(bytes, every), whole) << "byte by byte";
  return whole;
}

std::string Post(std::string_view headers, std::string_view body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

std::string Chunked(std::string_view body) {
  return Post("Transfer-Encoding: chunked\r\n", body);
}

// A head with a NUL in it.
std::string WithNul(std::string text) {
  text[text.find('@')] = '\0';
  return text;
}

struct RefusedCase {
  std::string_view name;
  std::string bytes;
  std::string_view status = "400";
};

void ExpectRefused(const std::vector<RefusedCase>& cases) {
  for (const RefusedCase& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(ReadAllWays(c.bytes), ElementsAre(StartsWith(c.status)));
  }
}

TEST(RequestReader, RefusesTwoWaysToSayTheLength) {
  ExpectRefused({
      {"length, then encoding", Post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
      {"encoding, then length", Post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
      {"two equal lengths", Post("Content-Length: 4\r\nContent-Length: 4\r\n", "abcd")},
      {"two lengths", Post("Content-Length: 4\r\nContent-Length: 5\r\n", "abcde")},
      {"list of lengths", Post("Content-Length: 4, 4\r\n", "abcd")},
      {"encoding twice", Post("Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n")},
  });
}

TEST(RequestReader, RefusesALengthThatIsNotDigits) {
  for (const std::string_view length : {"+4", "-4", "0x4", "4a", "4 4", "", "\"4\"", "4;", "4.0",
                                        "99999999999999999999", "1e1", "4\t4"}) {
    SCOPED_TRACE(length);
    EXPECT_THAT(ReadAllWays(Post("Content-Length: " + std::string(length) + "\r\n", "abcd")),
                ElementsAre(StartsWith("400")));
  }
}

TEST(RequestReader, RefusesEncodingsOtherThanChunked) {
  for (const std::string_view encoding :
       {"identity, chunked", "chunked, identity", "xchunked", "chunkedx", "gzip, chunked", "gzip",
        "identity", "chunked, chunked", "", "\"chunked\"", "chunked;q=1", ",chunked",
        "chunked\x0b"}) {
    SCOPED_TRACE(encoding);
    const Outcome outcome =
        ReadAllWays(Post("Transfer-Encoding: " + std::string(encoding) + "\r\n", "0\r\n\r\n"));
    EXPECT_THAT(outcome, ElementsAre(StartsWith(encoding.ends_with('\x0b') ? "400" : "501")));
  }
  ExpectRefused({
      {"with a length", Post("Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n"), "501"},
      {"1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"1.0 and a length",
       "POST / HTTP/1.0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
  });
}

TEST(RequestReader, RefusesHeadersThatAreReadInTwoWays) {
  ExpectRefused({
      {"space before colon", Post("Content-Length : 4\r\n", "abcd")},
      {"tab before colon", Post("Content-Length\t: 4\r\n", "abcd")},
      {"space before name", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"folded", Post("X: a\r\n b\r\n")},
      {"folded by a tab", Post("X: a\r\n\tb\r\n")},
      {"folded to nothing", Post("X: a\r\n \r\n")},
      {"no colon", Post("Content-Length 4\r\n")},
      {"no name", Post(": 4\r\n")},
      {"odd name", Post("Content[Length]: 4\r\n")},
      {"high byte in name", Post("X\xe9: 4\r\n")},
      {"NUL in value", WithNul(Post("X: a@b\r\n"))},
      {"NUL in name", WithNul(Post("X@: a\r\n"))},
      {"NUL in target", WithNul("GET /@ HTTP/1.1\r\nHost: a\r\n\r\n")},
      {"control in value", Post("X: a\x1b\r\n")},
      {"DEL in value", Post("X: a\x7f\r\n")},
      {"no Host", "GET / HTTP/1.1\r\n\r\n"},
      {"no Host, others", "GET / HTTP/1.1\r\nX: a\r\n\r\n"},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"two equal Hosts", "GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n"},
  });
}

TEST(RequestReader, RefusesLinesThatDoNotEndInCrlf) {
  ExpectRefused({
      {"bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n"},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {"bare LF between headers", Post("X: a\nContent-Length: 4\r\n", "abcd")},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
      {"bare LF before the request", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"bare CR after the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n"},
      {"bare CR between headers", Post("X: a\rContent-Length: 4\r\n", "abcd")},
      {"bare CR before CRLF", Post("X: a\r\r\n")},
      {"bare CR before the request", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
  });
}

TEST(RequestReader, RefusesOddRequestLines) {
  const auto line = [](std::string_view text) { return std::string(text) + "\r\nHost: a\r\n\r\n"; };
  ExpectRefused({
      {"absolute form", line("GET http://a/ HTTP/1.1")},
      {"authority form", line("CONNECT a:443 HTTP/1.1")},
      {"star without OPTIONS", line("GET * HTTP/1.1")},
      {"no target", line("GET HTTP/1.1")},
      {"empty target", line("GET  HTTP/1.1")},
      {"two spaces", line("GET  / HTTP/1.1")},
      {"space in target", line("GET /a b HTTP/1.1")},
      {"tab for space", line("GET\t/ HTTP/1.1")},
      {"space at the end", line("GET / HTTP/1.1 ")},
      {"space in front", line(" GET / HTTP/1.1")},
      {"high byte in target", line("GET /\xc3\xa9 HTTP/1.1")},
      {"no method", line(" / HTTP/1.1")},
      {"method not a token", line("G(T / HTTP/1.1")},
      {"no version", line("GET /")},
      {"HTTP/0.9", line("GET / HTTP/0.9"), "505"},
      {"HTTP/2", line("GET / HTTP/2.0"), "505"},
      {"HTTP/1.2", line("GET / HTTP/1.2"), "505"},
      {"lower case", line("GET / http/1.1"), "505"},
      {"long version", line("GET / HTTP/1.10"), "505"},
      {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"two empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"TLS", std::string("\x16\x03\x01\x00\x05\x01\n\r\n\r\n", 11)},
  });
}

TEST(RequestReader, RefusesBrokenChunks) {
  ExpectRefused({
      {"extension", Chunked("5;a=b\r\nhello\r\n0\r\n\r\n")},
      {"extension without value", Chunked("5;a\r\nhello\r\n0\r\n\r\n")},
      {"extension of the last chunk", Chunked("0;a=b\r\n\r\n")},
      {"empty extension", Chunked("5;\r\nhello\r\n0\r\n\r\n")},
      {"space behind size", Chunked("5 \r\nhello\r\n0\r\n\r\n")},
      {"space before size", Chunked(" 5\r\nhello\r\n0\r\n\r\n")},
      {"size overflow", Chunked("10000000000000000\r\nhello\r\n0\r\n\r\n")},
      {"size overflow to five", Chunked("10000000000000005\r\nhello\r\n0\r\n\r\n")},
      {"largest size", Chunked("ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), "413"},
      {"negative size", Chunked("-5\r\nhello\r\n0\r\n\r\n")},
      {"plus", Chunked("+5\r\nhello\r\n0\r\n\r\n")},
      {"0x", Chunked("0x5\r\nhello\r\n0\r\n\r\n")},
      {"no size", Chunked("\r\nhello\r\n0\r\n\r\n")},
      {"not hex", Chunked("g\r\nhello\r\n0\r\n\r\n")},
      {"bare LF behind size", Chunked("5\nhello\r\n0\r\n\r\n")},
      {"bare LF behind data", Chunked("5\r\nhello\n0\r\n\r\n")},
      {"bare CR behind size", Chunked("5\rhello\r\n0\r\n\r\n")},
      {"data too long", Chunked("4\r\nhello\r\n0\r\n\r\n")},
      {"data too short", Chunked("6\r\nhello\r\n0\r\n\r\n")},
      {"bare LF in trailers", Chunked("0\r\nX: a\nY: b\r\n\r\n")},
      {"NUL in trailers", WithNul(Chunked("0\r\nX: @\r\n\r\n"))},
      {"long trailers", Chunked("0\r\nX: " + std::string(5'000, 'x') + "\r\n\r\n"), "431"},
      {"trailers without end", Chunked("0\r\n" + std::string(5'000, 'x')), "431"},
      {"request instead of trailers", Chunked("0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")},
      {"many zeros", Chunked(std::string(5'000, '0') + "5\r\nhello\r\n0\r\n\r\n")},
  });
}

TEST(RequestReader, RefusesWhatIsOverALimit) {
  std::string many;
  for (std::size_t i = 0; i < kLimits.headers; ++i) {
    many += "X" + std::to_string(i) + ": a\r\n";
  }
  const std::string big(kLimits.body_bytes + 1, 'b');
  ExpectRefused({
      {"headers", Post(many), "431"},
      {"head", Post("X: " + std::string(kLimits.head_bytes, 'x') + "\r\n"), "431"},
      {"head without end", "GET /" + std::string(2 * kLimits.head_bytes, 'x'), "431"},
      {"body", Post("Content-Length: 65\r\n", big), "413"},
      {"chunk", Chunked("41\r\n" + big + "\r\n0\r\n\r\n"), "413"},
      {"chunks", Chunked("40\r\n" + big.substr(1) + "\r\n1\r\nb\r\n0\r\n\r\n"), "413"},
      {"length that fits no number", Post("Content-Length: 999999999999999999\r\n"), "413"},
  });
}

TEST(RequestReader, TakesWhatIsJustWithinALimit) {
  std::string many;
  for (std::size_t i = 1; i < kLimits.headers; ++i) {
    many += "X" + std::to_string(i) + ": a\r\n";
  }
  EXPECT_THAT(ReadAllWays(Post(many)), ElementsAre(StartsWith("POST / host=a x1=a")));
  const std::size_t rest = kLimits.head_bytes - Post("X: \r\n").size();
  const std::string head = Post("X: " + std::string(rest, 'x') + "\r\n");
  ASSERT_EQ(head.size(), kLimits.head_bytes);
  EXPECT_THAT(ReadAllWays(head), ElementsAre(StartsWith("POST / host=a x=xxx")));
  const std::string body(kLimits.body_bytes, 'b');
  EXPECT_THAT(ReadAllWays(Post("Content-Length: 64\r\n", body)),
              ElementsAre("POST / host=a content-length=64 [" + body + "]"));
  EXPECT_THAT(ReadAllWays(Chunked("20\r\n" + body.substr(32) + "\r\n20\r\n" + body.substr(32) +
                                  "\r\n0\r\n\r\n")),
              ElementsAre("POST / host=a transfer-encoding=chunked [" + body + "]"));
}

TEST(RequestReader, ReadsPlainRequests) {
  EXPECT_THAT(ReadAllWays("GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n"),
              ElementsAre("GET /a?b=c host=a []"));
  EXPECT_THAT(ReadAllWays("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
              ElementsAre("OPTIONS * host=a []"));
  EXPECT_THAT(ReadAllWays(Post("Content-Length: 0\r\n")),
              ElementsAre("POST / host=a content-length=0 []"));
  EXPECT_THAT(ReadAllWays(Post("content-LENGTH:\t 0005 \t\r\n", "a\r\n\r\n")),
              ElementsAre("POST / host=a content-length=0005 [a\r\n\r\n]"));
  EXPECT_THAT(ReadAllWays(Post("X:\r\nY: \xe9 \t z\r\nx: 2\r\n")),
              ElementsAre("POST / host=a x= y=\xe9 \t z x=2 []"));
  EXPECT_THAT(ReadAllWays("GET / HTTP/1.1\r\nHost:\r\n\r\n"), ElementsAre("GET / host= []"));
}

TEST(RequestReader, ReadsChunks) {
  const std::string head = "POST / host=a transfer-encoding=chunked ";
  EXPECT_THAT(ReadAllWays(Chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")),
              ElementsAre(head + "[hello!]"));
  EXPECT_THAT(ReadAllWays(Chunked("0\r\n\r\n")), ElementsAre(head + "[]"));
  EXPECT_THAT(ReadAllWays(Chunked("00A\r\n0123456789\r\n000\r\n\r\n")),
              ElementsAre(head + "[0123456789]"));
  EXPECT_THAT(ReadAllWays(Chunked("9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n")),
              ElementsAre(head + "[\r\n0\r\n\r\n\r\n]"));
  EXPECT_THAT(ReadAllWays(Post("transfer-encoding:  CHUNKED \r\n", "0\r\n\r\n")),
              ElementsAre("POST / host=a transfer-encoding=CHUNKED []"));
}

TEST(RequestReader, DropsTrailers) {
  EXPECT_THAT(ReadAllWays(Chunked(
                  "1\r\na\r\n0\r\nAuthorization: b\r\nHost: c\r\nConnection: close\r\n\r\n")),
              ElementsAre("POST / host=a transfer-encoding=chunked [a]"));
  EXPECT_THAT(ReadAllWays(Chunked("0\r\nContent-Length: 4\r\n\r\n")),
              ElementsAre("POST / host=a transfer-encoding=chunked []"));
  EXPECT_THAT(ReadAllWays(Chunked("0\r\nX: " + std::string(4'000, 'x') + "\r\n\r\n")), SizeIs(1));
}

TEST(RequestReader, ReadsOneRequestAfterTheOther) {
  EXPECT_THAT(ReadAllWays(Post("Content-Length: 2\r\n", "ab") + Chunked("1\r\nc\r\n0\r\n\r\n") +
                          "GET /d HTTP/1.1\r\nHost: a\r\n\r\n"),
              ElementsAre("POST / host=a content-length=2 [ab]",
                          "POST / host=a transfer-encoding=chunked [c]", "GET /d host=a []"));
  EXPECT_THAT(ReadAllWays("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\nGET "),
              ElementsAre("GET / host=a []", StartsWith("400")));
  EXPECT_THAT(ReadAllWays("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT"),
              ElementsAre("GET / host=a []", "more"));
}

TEST(RequestReader, IgnoresAnEmptyLineBeforeARequest) {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_THAT(ReadAllWays("\r\n" + get), ElementsAre("GET / host=a []"));
  EXPECT_THAT(ReadAllWays(get + "\r\n" + get), ElementsAre("GET / host=a []", "GET / host=a []"));
  EXPECT_THAT(ReadAllWays(get + "\r\n"), ElementsAre("GET / host=a []"));
}

TEST(RequestReader, KnowsWhatTheClientAsksForTheConnection) {
  const auto read = [](std::string_view version, std::string_view connection) {
    return ReadAllWays("GET / HTTP/" + std::string(version) +
                       "\r\nHost: a\r\nConnection: " + std::string(connection) + "\r\n\r\n");
  };
  EXPECT_THAT(read("1.1", "keep-alive"), ElementsAre("GET / host=a connection=keep-alive []"));
  EXPECT_THAT(read("1.1", "Close"), ElementsAre("GET / close host=a connection=Close []"));
  EXPECT_THAT(read("1.1", "x, close"), ElementsAre("GET / close host=a connection=x, close []"));
  EXPECT_THAT(read("1.0", "Keep-Alive"), ElementsAre("GET / 1.0 host=a connection=Keep-Alive []"));
  EXPECT_THAT(read("1.0", "x"), ElementsAre("GET / 1.0 close host=a connection=x []"));
  EXPECT_THAT(ReadAllWays("GET / HTTP/1.0\r\n\r\n"), ElementsAre("GET / 1.0 close []"));
}

TEST(RequestReader, TellsOnceThatTheClientWaits) {
  RequestReader reader(kLimits);
  const std::string head = Post("Expect: 100-Continue\r\nContent-Length: 2\r\n");
  EXPECT_EQ(reader.Feed(head.substr(0, 60)), 60U);
  EXPECT_FALSE(reader.TakeExpectation());
  EXPECT_EQ(reader.Feed(head.substr(60)), head.size() - 60);
  EXPECT_TRUE(reader.TakeExpectation());
  EXPECT_FALSE(reader.TakeExpectation());
  EXPECT_EQ(reader.Feed("ab"), 2U);
  ASSERT_EQ(reader.state(), RequestReader::State::kComplete);
  EXPECT_EQ(reader.Take().body, "ab");
}

// The body is there, is empty, is refused, or the client is too old to wait.
TEST(RequestReader, TellsNotOfAClientThatNeedsNoContinue) {
  const std::string expect = "Expect: 100-continue\r\nContent-Length: ";
  for (const std::string& bytes :
       {Post(expect + "2\r\n", "ab"), Post(expect + "0\r\n"), Post(expect + "65\r\n"),
        "POST / HTTP/1.0\r\n" + expect + "2\r\n\r\n", Post("Expect: x\r\nContent-Length: 2\r\n")}) {
    RequestReader reader(kLimits);
    reader.Feed(bytes);
    EXPECT_FALSE(reader.TakeExpectation()) << bytes;
  }
}

}  // namespace
}  // namespace nearhit::server
