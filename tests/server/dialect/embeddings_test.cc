// The oracle reads JSON with nlohmann, and base64 with a table of its own.
#include "server/dialect/embeddings.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/dialect/base64.h"
#include "server/dialect/json_edit.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string PlainBase64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    const std::size_t size = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8U | (k < size ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= size ? kDigits[bits >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return text;
}

std::string BytesOf(const std::vector<float>& vector) {
  std::string bytes(vector.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());
  return bytes;
}

EmbeddingsPlan PlanOf(std::string body) {
  EmbeddingsPlanner planner;
  return planner.Plan(&body);
}

std::string Request(const std::string& input, const std::string& more = "") {
  return R"({"model":"m","input":)" + input + more + "}";
}

std::string Answer(const std::string& data) {
  return R"({"object":"list","data":[)" + data +
         R"(],"model":"m","usage":{"prompt_tokens":5,"total_tokens":5}})";
}

std::string Item(std::size_t index, const std::string& vector) {
  return R"({"object":"embedding","index":)" + std::to_string(index) + R"(,"embedding":)" + vector +
         "}";
}

TEST(Base64Test, IsThatOfThePlainTable) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) {
      c = static_cast<char>(random());
    }
    std::string text;
    AppendBase64(&text, bytes);
    EXPECT_EQ(text, PlainBase64(bytes));
    EXPECT_EQ(FromBase64(text), bytes);
  }
}

TEST(Base64Test, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"A", "AA", "AAA", "=", "====", "A===", "AA=A", "A=AA", "=AAA", " AAAA", "AAAA\n", "AA A",
        "AA-_", "AAAAA", "AAAAAA=A", "AAA\xC3", "AAAA===="}) {
    EXPECT_EQ(FromBase64(text), std::nullopt) << text;
  }
  EXPECT_EQ(FromBase64(std::string_view("AA\0=", 4)), std::nullopt);
}

TEST(EmbeddingsPlanTest, SlotsAreTheTexts) {
  EXPECT_THAT(PlanOf(Request(R"("One")")).slots, ElementsAre("One"));
  EXPECT_THAT(PlanOf(Request(R"(["One","t\u0077o","One"])")).slots,
              ElementsAre("One", "two", "One"));
  EXPECT_EQ(PlanOf(Request(R"("One")")).canonical, PlanOf(Request(R"(["Two"])")).canonical);
  EXPECT_EQ(PlanOf(Request(R"("One")")).reason, "");
  EXPECT_EQ(PlanOf(Request(R"("One")")).model, "m");
}

TEST(EmbeddingsPlanTest, TokensAreNoTexts) {
  const EmbeddingsPlan one = PlanOf(Request("[1,22,333]"));
  EXPECT_THAT(one.slots, ElementsAre("1 22 333"));
  EXPECT_THAT(PlanOf(Request("[[1,22,333],[4]]")).slots, ElementsAre("1 22 333", "4"));
  EXPECT_EQ(PlanOf(Request("[[1]]")).canonical, one.canonical);
  EXPECT_NE(PlanOf(Request(R"("1 22 333")")).canonical, one.canonical);
}

TEST(EmbeddingsPlanTest, WhatIsNoSlotHasADigestThatNoTextHas) {
  const std::string empty = PlanOf(Request(R"("")")).slots.front();
  EXPECT_THAT(empty, HasSubstr("sha256:e3b0c44298fc1c14"));
  const std::string taken = PlanOf(Request("\"" + empty + "\"")).slots.front();
  EXPECT_NE(taken, empty);
  const std::string a = PlanOf(Request("\"" + std::string(300'000, 'a') + "\"")).slots.front();
  const std::string b = PlanOf(Request("\"" + std::string(300'001, 'a') + "\"")).slots.front();
  EXPECT_LT(a.size(), 100U);
  EXPECT_NE(a, b);
}

TEST(EmbeddingsPlanTest, TheScopeIsEverythingElse) {
  const auto canonical = [](const std::string& more) {
    return PlanOf(Request(R"("x")", more)).canonical;
  };
  const std::string plain = canonical("");
  for (const std::string more : {R"(,"user":"u")", R"(,"encoding_format":"base64")",
                                 R"(,"encoding_format":null)", R"(,"cache":{"ttl":5})"}) {
    EXPECT_EQ(canonical(more), plain) << more;
  }
  const std::set<std::string> others = {plain,
                                        canonical(R"(,"dimensions":256)"),
                                        canonical(R"(,"dimensions":512)"),
                                        canonical(R"(,"truncate":"END")"),
                                        canonical(R"(,"output_dtype":"int8")"),
                                        PlanOf(R"({"model":"n","input":"x"})").canonical};
  EXPECT_EQ(others.size(), 6U);
  EXPECT_EQ(canonical(R"(,"dimensions":256)"), canonical(R"(,"dimensions":256.0)"));
  EXPECT_EQ(PlanOf(R"({"input":"x","dimensions":256,"model":"m"})").canonical,
            canonical(R"(,"dimensions":256)"));
  EXPECT_NE(canonical(R"(,"output_dtype":"int8","encoding_format":"base64")"),
            canonical(R"(,"output_dtype":"int8")"))
      << "what base64 has is not known";
  EXPECT_EQ(PlanOf(Request(R"("x")", R"(,"cache":{"ttl":5,"no-store":true})")).cache.ttl_s, 5);
}

TEST(EmbeddingsPlanTest, WhatIsOddIsNotCached) {
  for (const std::string input :
       {"[]", "[[]]", "[[1],[]]", "{}", "null", "1", R"(["a",1])", R"([1,"a"])", R"(["a",["b"]])",
        R"([["a"]])", "[1.5]", "[[1.5]]", R"([{"text":"a"}])", "[null]", "[true]", "[[1],2]"}) {
    EXPECT_EQ(PlanOf(Request(input)).reason, "input") << input;
  }
  EXPECT_EQ(PlanOf(R"({"model":"m"})").reason, "input");
  EXPECT_EQ(PlanOf(R"({"input":"x"})").reason, "no_model");
  EXPECT_EQ(PlanOf(R"({"model":"m","input":"x","input":"y"})").reason, "duplicate_member");
  EXPECT_EQ(PlanOf(Request(R"("x")", R"(,"encoding_format":"int8")")).reason, "encoding_format");
  for (const std::string body : {"", "[]", "{", R"({"model":"m","input":"\ud800"})"}) {
    EXPECT_EQ(PlanOf(body).reason, "unparsable") << body;
  }
}

TEST(EmbeddingsPlanTest, HasAtMost2048Inputs) {
  json inputs = json::array();
  for (int i = 0; i < 2'048; ++i) {
    inputs.push_back("text " + std::to_string(i));
  }
  EXPECT_EQ(PlanOf(Request(inputs.dump())).slots.size(), 2'048U);
  inputs.push_back("one more");
  EXPECT_EQ(PlanOf(Request(inputs.dump())).reason, "input");
}

TEST(WithInputsTest, KeepsEveryOtherByte) {
  const std::string body =
      R"( {"a":[1,"]"], "input" : [ "x,\"]" , "\u0062" ,[1, 2],"d" ] ,"input2":["x"] } )";
  const auto with = [&body](const std::vector<std::size_t>& inputs) {
    return WithInputs(body, inputs);
  };
  EXPECT_EQ(with({0, 1, 2, 3}),
            R"( {"a":[1,"]"], "input" : ["x,\"]","\u0062",[1, 2],"d"] ,"input2":["x"] } )");
  EXPECT_EQ(with({1}), R"( {"a":[1,"]"], "input" : ["\u0062"] ,"input2":["x"] } )");
  EXPECT_EQ(with({0, 3}), R"( {"a":[1,"]"], "input" : ["x,\"]","d"] ,"input2":["x"] } )");
  EXPECT_EQ(with({4}), std::nullopt);
  EXPECT_EQ(WithInputs(R"({"input":"x"})", std::vector<std::size_t>{0}), std::nullopt);
  EXPECT_EQ(WithInputs(R"({"inp\u0075t":["x"]})", std::vector<std::size_t>{0}), std::nullopt);
  EXPECT_EQ(WithInputs("{}", std::vector<std::size_t>{0}), std::nullopt);
}

TEST(WithInputsTest, IsThatOfTheOracle) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    json body = {{"model", "m"}, {"input", json::array()}, {"z", {{"y", "}],\""}}}};
    const std::size_t count = 1 + random() % 9;
    std::vector<std::size_t> kept;
    json expected = json::array();
    for (std::size_t i = 0; i < count; ++i) {
      std::string text;
      for (std::size_t k = random() % 6; k > 0; --k) {
        text += std::string_view("\"\\,]}a \n")[random() % 8];
      }
      body["input"].push_back(text);
      if (random() % 2 == 0) {
        kept.push_back(i);
        expected.push_back(text);
      }
    }
    const auto cut = WithInputs(body.dump(round % 3 == 0 ? 2 : -1), kept);
    body["input"] = expected;
    ASSERT_TRUE(cut);
    EXPECT_EQ(json::parse(*cut), body);
  }
}

TEST(EmbeddingsAnswerTest, ReadsBothEncodingsInTheOrderOfIndex) {
  const std::string one = BytesOf({1.5F, -2});
  const std::string two = BytesOf({0, 1e-3F});
  const auto answer = ReadEmbeddings(
      Answer(Item(1, "\"" + PlainBase64(two) + "\"") + "," + Item(0, "[1.5,-2]")), 2);
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(answer->vectors, ElementsAre(one, two));
  EXPECT_EQ(answer->model, "m");
  EXPECT_EQ(answer->prompt_tokens, 5U);
  EXPECT_EQ(json::parse(answer->usage), json::parse(R"({"prompt_tokens":5,"total_tokens":5})"));
}

TEST(EmbeddingsAnswerTest, RefusesWhatIsNoAnswer) {
  const std::string good = Item(0, "[1]");
  const std::string nan = PlainBase64(BytesOf({std::numeric_limits<float>::quiet_NaN()}));
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string(R"({"error":{}})"), Answer(""),
        Answer(good + "," + Item(1, "[1]")), Answer(Item(1, "[1]")), Answer(Item(0, "[]")),
        Answer(Item(0, "[1e39]")), Answer(Item(0, "[null]")), Answer(Item(0, "[[1]]")),
        Answer(Item(0, "{}")), Answer(Item(0, "\"AAA=\"")), Answer(Item(0, "\"A\"")),
        Answer(Item(0, "\"" + nan + "\"")), Answer(R"({"embedding":[1]})"), Answer("3"),
        Answer(R"({"index":0,"embedding":[1],"sparse":{}})"), Answer(R"({"index":0})"),
        Answer(good).substr(0, 40)}) {
    EXPECT_THAT(ReadEmbeddings(body, 1), StatusIs(StatusCode::kInvalidArgument)) << body;
  }
  EXPECT_THAT(ReadEmbeddings(Answer(good + "," + good), 2), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadEmbeddings(Answer(good + "," + Item(1, "[1,2]")), 2),
              StatusIs(StatusCode::kInvalidArgument));
}

// Extremes, and floats of random bits: through text and base64 and back.
TEST(EmbeddingsAnswerTest, BothEncodingsKeepEveryFloat) {
  using Limits = std::numeric_limits<float>;
  std::vector<float> vector = {0,
                               -0.0F,
                               1,
                               -1,
                               0.1F,
                               1.0F / 3,
                               16'777'216,
                               1e10F,
                               Limits::max(),
                               -Limits::max(),
                               Limits::min(),
                               Limits::denorm_min(),
                               -Limits::denorm_min(),
                               Limits::epsilon()};
  std::mt19937 random(3);
  while (vector.size() < 8'000) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(value)) {
      vector.push_back(value);
    }
  }
  const std::string bytes = BytesOf(vector);
  const std::vector<std::string_view> vectors = {bytes};
  const std::string as_floats =
      RenderEmbeddings({.vectors = vectors, .model = "m"}, EmbeddingEncoding::kFloat);
  const std::string as_base64 =
      RenderEmbeddings({.vectors = vectors, .model = "m"}, EmbeddingEncoding::kBase64);
  for (const std::string& body : {as_floats, as_base64}) {
    const auto back = ReadEmbeddings(body, 1);
    ASSERT_THAT(back, IsOk());
    EXPECT_EQ(back->vectors.front(), bytes);
  }
  EXPECT_EQ(json::parse(as_base64)["data"][0]["embedding"], PlainBase64(bytes));
  const json floats = json::parse(as_floats)["data"][0]["embedding"];
  ASSERT_EQ(floats.size(), vector.size());
  for (std::size_t i = 0; i < vector.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(floats[i].get<float>()),
              std::bit_cast<std::uint32_t>(vector[i]));
  }
  EXPECT_THAT(as_floats, HasSubstr("[0,-0.0,1,-1,0.1,0.33333334,16777216,1e+10,3.4028235e+38"));
}

TEST(EmbeddingsAnswerTest, RendersWhatProvidersSend) {
  const std::string one = BytesOf({1});
  const std::string two = BytesOf({2});
  const std::vector<std::string_view> vectors = {one, two};
  EXPECT_EQ(RenderEmbeddings({.vectors = vectors, .model = "a\"b\n"}, EmbeddingEncoding::kFloat),
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]},)"
            R"({"object":"embedding","index":1,"embedding":[2]}],"model":"a\"b\u000a",)"
            R"("usage":{"prompt_tokens":0,"total_tokens":0}})");
  EXPECT_EQ(json::parse(RenderEmbeddings(
                {.vectors = vectors, .model = "m", .usage = R"({"prompt_tokens":3})"},
                EmbeddingEncoding::kBase64))["usage"]["prompt_tokens"],
            3);
}

}  // namespace
}  // namespace nearhit::server
