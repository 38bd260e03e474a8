#include "server/gateway/controls.h"

#include <gtest/gtest.h>

#include "nearhit/types.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

Result<CacheControls> Read(std::vector<HttpHeader> headers, const CacheMember& member = {}) {
  HttpServerRequest request;
  request.headers = std::move(headers);
  return ReadControls(request, member);
}

TEST(Controls, CacheControl) {
  const auto controls =
      Read({{.name = "cache-control", .value = "No-Cache, max-age=60,min-fresh=\"5\" , foo=bar"}});
  ASSERT_THAT(controls, IsOk());
  EXPECT_TRUE(controls->no_lookup);
  EXPECT_FALSE(controls->no_store);
  EXPECT_EQ(controls->max_age_ms, 60'000);
  EXPECT_EQ(controls->min_fresh_ms, 5'000);
  EXPECT_TRUE(Read({{.name = "cache-control", .value = ",,no-store"}})->no_store);
  EXPECT_TRUE(Read({{.name = "cache-control", .value = "only-if-cached"}})->only_if_cached);
}

TEST(Controls, ADirectiveWithoutANumberIsIgnored) {
  for (const std::string value : {"max-age", "max-age=", "max-age=-1", "max-age=1x", "max-age=x"}) {
    const auto controls = Read({{.name = "cache-control", .value = value}});
    ASSERT_THAT(controls, IsOk());
    EXPECT_FALSE(controls->max_age_ms) << value;
  }
  EXPECT_EQ(Read({{.name = "cache-control", .value = "max-age=99999999999999"}})->max_age_ms,
            kMaxTtlMs);
}

TEST(Controls, OwnHeaders) {
  const auto controls = Read({{.name = "x-nearhit-cache", .value = "exact"},
                              {.name = "x-nearhit-cache-ttl", .value = "10"},
                              {.name = "x-nearhit-cache-threshold", .value = "0.9"},
                              {.name = "x-nearhit-cache-namespace", .value = "team"}});
  ASSERT_THAT(controls, IsOk());
  EXPECT_EQ(controls->most, CacheUse::kExact);
  EXPECT_EQ(controls->ttl_ms, 10'000);
  EXPECT_FLOAT_EQ(*controls->min_score, 0.9F);
  EXPECT_EQ(controls->name_space, "team");
}

TEST(Controls, OwnHeadersOutOfRangeAreErrors) {
  const std::vector<HttpHeader> bad = {
      {.name = "x-nearhit-cache", .value = "on"},
      {.name = "x-nearhit-cache-ttl", .value = "0"},
      {.name = "x-nearhit-cache-ttl", .value = "soon"},
      {.name = "x-nearhit-cache-threshold", .value = "1.1"},
      {.name = "x-nearhit-cache-threshold", .value = "nan"},
      {.name = "x-nearhit-cache-namespace", .value = std::string(65, 'a')},
  };
  for (const HttpHeader& header : bad) {
    EXPECT_THAT(Read({header}), StatusIs(StatusCode::kInvalidArgument)) << header.name;
  }
}

TEST(Controls, TheMemberOfTheBodyNarrowsFurther) {
  CacheMember member{
      .there = true, .no_cache = true, .ttl_s = 5, .max_age_s = 7, .name_space = "a"};
  const auto controls = Read({{.name = "x-nearhit-cache-ttl", .value = "10"},
                              {.name = "cache-control", .value = "max-age=3"}},
                             member);
  ASSERT_THAT(controls, IsOk());
  EXPECT_TRUE(controls->no_lookup);
  EXPECT_EQ(controls->ttl_ms, 5'000);
  EXPECT_EQ(controls->max_age_ms, 3'000);
  EXPECT_EQ(controls->name_space, "/a");
}

}  // namespace
}  // namespace nearhit::server
