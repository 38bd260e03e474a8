#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/embedder.h"
#include "nearhit/types.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

EmbedderSpec HttpSpec() {
  EmbedderSpec spec;
  spec.kind = "http";
  spec.url = "http://127.0.0.1:8080/v1/embeddings";
  spec.model = "tiny";
  return spec;
}

EmbedderSpec LexicalSpec() {
  EmbedderSpec spec;
  spec.kind = "lexical";
  return spec;
}

TEST(EmbedderFactoryTest, NoneIsNull) {
  const auto embedder = MakeEmbedder(EmbedderSpec(), 8);
  ASSERT_THAT(embedder, IsOk());
  EXPECT_EQ(*embedder, nullptr);
}

TEST(EmbedderFactoryTest, DimensionIsThatAskedFor) {
  for (const EmbedderSpec& spec : {LexicalSpec(), HttpSpec()}) {
    const auto embedder = MakeEmbedder(spec, 100);
    ASSERT_THAT(embedder, IsOk());
    EXPECT_EQ((*embedder)->dimension(), 100u);
  }
}

TEST(EmbedderFactoryTest, ARegisteredKindIsMade) {
  EmbedderSpec spec;
  spec.kind = "registered";
  spec.model = "folder";
  EXPECT_THAT(MakeEmbedder(spec, 0), StatusIs(StatusCode::kInvalidArgument, HasSubstr("kind")));
  RegisterEmbedder("registered", [](const EmbedderSpec& asked, std::size_t) {
    EXPECT_EQ(asked.model, "folder");
    return MakeEmbedder(LexicalSpec(), 32);
  });
  const auto own = MakeEmbedder(spec, 0);
  ASSERT_THAT(own, IsOk());
  EXPECT_EQ((*own)->dimension(), 32u);
  EXPECT_THAT(MakeEmbedder(spec, 32), IsOk());
  EXPECT_THAT(MakeEmbedder(spec, 64),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("dimension is 64"), HasSubstr("is 32"))));
  spec.url = "http://127.0.0.1/";
  EXPECT_THAT(MakeEmbedder(spec, 0), StatusIs(StatusCode::kInvalidArgument, HasSubstr("url")));
}

TEST(EmbedderFactoryTest, AnUnknownKindIsToldTheKnownOnes) {
  RegisterEmbedder(
      "mine", [](const EmbedderSpec&, std::size_t) { return MakeEmbedder(LexicalSpec(), 32); });
  EXPECT_THAT(EmbedderKinds(), testing::IsSupersetOf({"http", "lexical", "mine", "none"}));
  EmbedderSpec spec;
  spec.kind = "mein";
  EXPECT_THAT(MakeEmbedder(spec, 0),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("kind of 4 bytes"), HasSubstr("lexical, mine, none"))));
}

// Stands for the component that brings it: the fields are checked before the maker is asked.
TEST(EmbedderFactoryTest, FieldsOfLocal) {
  RegisterEmbedder(
      "local", [](const EmbedderSpec&, std::size_t) { return MakeEmbedder(LexicalSpec(), 32); });
  EmbedderSpec spec;
  spec.kind = "local";
  spec.model = "folder";
  spec.prefix.assign(1'024, 'x');
  spec.arithmetic = "float32";
  spec.long_text = "windows";
  EXPECT_THAT(MakeEmbedder(spec, 0), IsOk());
  const auto refused = [&spec](auto change, const char* what) {
    EmbedderSpec bad = spec;
    change(&bad);
    EXPECT_THAT(MakeEmbedder(bad, 0), StatusIs(StatusCode::kInvalidArgument,
                                               AllOf(HasSubstr(what), Not(HasSubstr("SECRET")))));
  };
  refused([](EmbedderSpec* s) { s->prefix += 'x'; },
          "prefix has 1025 bytes, over the limit of 1024");
  refused([](EmbedderSpec* s) { s->prefix = "\xff"; }, "prefix of 1 bytes is invalid UTF-8");
  refused([](EmbedderSpec* s) { s->arithmetic = "SECRET"; },
          "arithmetic of 6 bytes is neither fast nor float32");
  refused([](EmbedderSpec* s) { s->long_text = ""; },
          "long_text of 0 bytes is neither refuse nor windows");
  refused([](EmbedderSpec* s) { s->url = "SECRET"; }, "url of 6 bytes is set");
}

TEST(EmbedderFactoryTest, DimensionLimits) {
  for (const std::size_t good : {16u, 384u, 8192u}) {
    EXPECT_THAT(MakeEmbedder(LexicalSpec(), good), IsOk()) << good;
  }
  for (const std::size_t bad : {std::size_t{0}, std::size_t{15}, std::size_t{8193}, SIZE_MAX}) {
    EXPECT_THAT(MakeEmbedder(LexicalSpec(), bad),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("dimension")));
  }
  EXPECT_THAT(MakeEmbedder(HttpSpec(), 1), IsOk());
  EXPECT_THAT(MakeEmbedder(HttpSpec(), kMaxDimension), IsOk());
  EXPECT_THAT(MakeEmbedder(HttpSpec(), 0),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("dimension")));
  EXPECT_THAT(MakeEmbedder(HttpSpec(), kMaxDimension + 1),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr(std::to_string(kMaxDimension))));
}

struct BadCase {
  std::string name;
  std::string field;  // in the message
  std::function<void(EmbedderSpec*)> spoil;
};

class EmbedderFactoryBadTest : public testing::TestWithParam<BadCase> {};

TEST_P(EmbedderFactoryBadTest, IsRefusedByName) {
  EmbedderSpec spec = HttpSpec();
  GetParam().spoil(&spec);
  EXPECT_THAT(MakeEmbedder(spec, 8),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(GetParam().field), Not(HasSubstr("SECRET")))));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, EmbedderFactoryBadTest,
    testing::Values(
        BadCase{"UnknownKind", "kind", [](EmbedderSpec* s) { s->kind = "SECRET"; }},
        BadCase{"EmptyKind", "kind", [](EmbedderSpec* s) { s->kind = ""; }},
        BadCase{"NoUrl", "url", [](EmbedderSpec* s) { s->url = ""; }},
        BadCase{"FileUrl", "url", [](EmbedderSpec* s) { s->url = "file:///etc/SECRET"; }},
        BadCase{"NoHost", "url", [](EmbedderSpec* s) { s->url = "http:///v1"; }},
        BadCase{"PortOnly", "url", [](EmbedderSpec* s) { s->url = "http://:80/v1"; }},
        BadCase{"UrlWithSpace", "url", [](EmbedderSpec* s) { s->url = "http://a b/"; }},
        BadCase{"UrlWithLineBreak", "url", [](EmbedderSpec* s) { s->url = "http://a/\r\nX: y"; }},
        BadCase{"UrlWithUser", "url", [](EmbedderSpec* s) { s->url = "http://me:SECRET@a/"; }},
        BadCase{"LongUrl", "url", [](EmbedderSpec* s) { s->url.append(2'048, 'x'); }},
        BadCase{"NoModel", "model", [](EmbedderSpec* s) { s->model = ""; }},
        BadCase{"LongModel", "model", [](EmbedderSpec* s) { s->model.assign(257, 'x'); }},
        BadCase{"ModelNotUtf8", "model", [](EmbedderSpec* s) { s->model = "\xff"; }},
        BadCase{"TwoKeys", "api_key_env",
                [](EmbedderSpec* s) { s->api_key_env = "A", s->api_key_file = "b"; }},
        BadCase{"NoTimeout", "timeout_ms",
                [](EmbedderSpec* s) { s->timeout = std::chrono::milliseconds(0); }},
        BadCase{"LongTimeout", "timeout_ms",
                [](EmbedderSpec* s) { s->timeout = std::chrono::hours(2); }},
        BadCase{"NoBatch", "max_batch", [](EmbedderSpec* s) { s->max_batch = 0; }},
        BadCase{"LargeBatch", "max_batch", [](EmbedderSpec* s) { s->max_batch = 2'049; }},
        BadCase{"NegativeRetries", "max_retries", [](EmbedderSpec* s) { s->max_retries = -1; }},
        BadCase{"ManyRetries", "max_retries", [](EmbedderSpec* s) { s->max_retries = 11; }},
        BadCase{"UrlOfLexical", "url", [](EmbedderSpec* s) { s->kind = "lexical"; }},
        BadCase{"UrlOfNone", "url", [](EmbedderSpec* s) { s->kind = "none"; }},
        BadCase{"PrefixOfHttp", "prefix of 6 bytes", [](EmbedderSpec* s) { s->prefix = "SECRET"; }},
        BadCase{"ArithmeticOfHttp", "arithmetic of 7",
                [](EmbedderSpec* s) { s->arithmetic = "float32"; }},
        BadCase{"LongTextOfHttp", "long_text of 7",
                [](EmbedderSpec* s) { s->long_text = "windows"; }}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace nearhit
