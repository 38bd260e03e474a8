#include "server/config/config_gateway.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/config/config.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<GatewayOptions> Read(const std::string& more) {
  const auto config =
      ParseConfig("[gateway]\n" + more + "\n[[gateway.upstream]]\nurl = 'http://h'\n", "test.toml");
  return config.ok() ? Result<GatewayOptions>(config->gateway) : config.status();
}

TEST(ConfigGateway, Prices) {
  const auto options = Read(R"(
[[gateway.price]]
model = "m-*"
input = 0.15
output = 2
[[gateway.price]]
model = "free"
input = 0
output = 0
cached_input = 0.075
)");
  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(
      options->prices,
      ElementsAre(PriceOptions{.model = "m-*", .input = 0.15, .output = 2},
                  PriceOptions{.model = "free", .input = 0, .output = 0, .cached_input = 0.075}));
  EXPECT_TRUE(Read("")->prices.empty());
}

TEST(ConfigGateway, HowHitsAreServed) {
  EXPECT_EQ(Read("")->hit_usage, HitUsage::kRecorded);
  EXPECT_EQ(Read("hit_usage = 'zero'")->hit_usage, HitUsage::kZero);
  EXPECT_THAT(Read("hit_usage = 'none'"), StatusIs(StatusCode::kInvalidArgument,
                                                   HasSubstr("gateway.hit_usage must be one of")));
  EXPECT_EQ(Read("")->replay, ReplayMode::kBurst);
  EXPECT_EQ(Read("replay = 'recorded'")->replay, ReplayMode::kRecorded);
  EXPECT_THAT(Read("replay = 'slow'"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("gateway.replay must be one of")));
}

TEST(ConfigGateway, WhatIsCompared) {
  EXPECT_EQ(Read("")->sample, 0);
  EXPECT_EQ(Read("")->same_answer, 0.9F);
  EXPECT_EQ(Read("sample = 0.02")->sample, 0.02F);
  EXPECT_EQ(Read("sample = 1")->sample, 1);
  EXPECT_EQ(Read("same_answer = 0.8")->same_answer, 0.8F);
  for (const std::string field : {"sample", "same_answer"}) {
    for (const std::string bad : {"-0.01", "1.5", "nan"}) {
      EXPECT_THAT(Read(field + " = " + bad),
                  StatusIs(StatusCode::kInvalidArgument,
                           testing::AllOf(HasSubstr("gateway." + field + " is "),
                                          HasSubstr("it must be in [0, 1]"))))
          << bad;
    }
    EXPECT_THAT(Read(field + " = 'all'"),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("must be a number")));
  }
}

Result<JudgeOptions> ReadJudgeOf(const std::string& lines) {
  const auto config = ParseConfig("[judge]\n" + lines, "test.toml");
  return config.ok() ? Result<JudgeOptions>(config->gateway.judge) : config.status();
}

TEST(ConfigGateway, Judge) {
  EXPECT_TRUE(ReadJudgeOf("")->url.empty());
  const auto options = ReadJudgeOf(R"(
url = "https://api.example/v1"
model = "m"
api_key_env = "KEY"
per_day = 20
timeout_ms = 5000
)");
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(*options, (JudgeOptions{.url = "https://api.example/v1",
                                    .model = "m",
                                    .api_key_env = "KEY",
                                    .per_day = 20,
                                    .timeout_ms = 5'000}));
  EXPECT_EQ(ReadJudgeOf("url = 'http://h'\nmodel = 'm'")->per_day, 1'000U);
}

TEST(ConfigGateway, RefusesWhatIsNoJudge) {
  const auto refused = [](const std::string& lines) {
    const auto options = ReadJudgeOf(lines);
    return options.ok() ? "" : std::string(options.status().message());
  };
  const std::string judge = "url = 'http://h'\nmodel = 'm'\n";
  EXPECT_THAT(refused("url = 'h'\nmodel = 'm'"), HasSubstr("judge.url must be"));
  EXPECT_THAT(refused("url = 'http://h'"), HasSubstr("judge.model is missing"));
  for (const std::string bad : {"0", "-1", "1000001"}) {
    EXPECT_THAT(refused(judge + "per_day = " + bad),
                HasSubstr("judge.per_day is " + bad + "; it must be in [1, 1000000]"));
  }
  for (const std::string bad : {"0", "600001"}) {
    EXPECT_THAT(refused(judge + "timeout_ms = " + bad),
                HasSubstr("judge.timeout_ms is " + bad + "; it must be in [1, 600000]"));
  }
  EXPECT_THAT(refused(judge + "api_key_env = 'A'\napi_key_file = 'b'"),
              HasSubstr("judge.api_key_file and api_key_env cannot both be set"));
  EXPECT_THAT(refused(judge + "key = 'secret'"), HasSubstr("unknown key judge.key"));
}

TEST(ConfigGateway, RefusesWhatIsNoPrice) {
  const auto refused = [](const std::string& lines) {
    const auto options = Read("[[gateway.price]]\n" + lines);
    return options.ok() ? "" : std::string(options.status().message());
  };
  const std::string model = "model = 'm'\n";
  EXPECT_THAT(refused("input = 1\noutput = 1"), HasSubstr("gateway.price.model is missing"));
  EXPECT_THAT(refused(model + "output = 1"), HasSubstr("gateway.price.input is missing"));
  EXPECT_THAT(refused(model + "input = 1"), HasSubstr("gateway.price.output is missing"));
  EXPECT_THAT(refused("model = ''\ninput = 1\noutput = 1"), HasSubstr("must not be empty"));
  for (const std::string bad : {"-0.1", "nan", "inf", "1000001"}) {
    EXPECT_THAT(refused(model + "output = 1\ninput = " + bad), HasSubstr("gateway.price.input is"));
    EXPECT_THAT(refused(model + "input = 1\noutput = 1\ncached_input = " + bad),
                HasSubstr("gateway.price.cached_input is"));
  }
  EXPECT_THAT(refused(model + "input = 1\noutput = '1'"), HasSubstr("must be a number"));
  EXPECT_THAT(refused(model + "input = 1\noutput = 1\ncached = 1"), HasSubstr("unknown key"));
}

GatewayOptions Listening(const std::string& listen, HttpApi http_api) {
  GatewayOptions options;
  options.listen = listen;
  options.http_api = http_api;
  return options;
}

TEST(ConfigGateway, CallsAreServedOnLoopbackUnlessTheFileSaysMore) {
  for (const char* listen : {"127.0.0.1:7780", "127.8.9.1:0", "[::1]:7780", "localhost:7780"}) {
    EXPECT_TRUE(ServesHttpApi(Listening(listen, HttpApi::kLoopback))) << listen;
    EXPECT_FALSE(ServesHttpApi(Listening(listen, HttpApi::kNever))) << listen;
  }
  for (const char* listen : {"0.0.0.0:7780", "[::]:7780", "10.0.0.127:7780", "[::1:2]:7780",
                             "localhost.example:7780", "cache.example:7780"}) {
    EXPECT_FALSE(ServesHttpApi(Listening(listen, HttpApi::kLoopback))) << listen;
    EXPECT_TRUE(ServesHttpApi(Listening(listen, HttpApi::kAlways))) << listen;
  }
}

TEST(ConfigGateway, WhoMayMakeCallsIsOneOfThree) {
  const std::string upstream = "[[gateway.upstream]]\nurl = \"https://a\"\n";
  const auto config = ParseConfig("[gateway]\nhttp_api = \"always\"\n" + upstream, "f");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->gateway.http_api, HttpApi::kAlways);
  EXPECT_EQ(ParseConfig(upstream, "f")->gateway.http_api, HttpApi::kLoopback);
  EXPECT_THAT(ParseConfig("[gateway]\nhttp_api = true\n" + upstream, "f"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("http_api")));
}

TEST(ConfigGateway, HostsAreNames) {
  EXPECT_TRUE(Read("")->hosts.empty());
  EXPECT_THAT(Read("hosts = ['cache.example', '[fd00::1]', '*']")->hosts,
              ElementsAre("cache.example", "[fd00::1]", "*"));
  for (const std::string bad : {"", "http://cache.example", "cache.example:7780", "a b"}) {
    EXPECT_THAT(Read("hosts = ['" + bad + "']"),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("gateway.hosts must be names")))
        << bad;
  }
}

TEST(ConfigGateway, AHostNameThatBeginsLikeLoopbackIsNotLoopback) {
  EXPECT_FALSE(ServesHttpApi(Listening("127.example:7780", HttpApi::kLoopback)));
}

}  // namespace
}  // namespace nearhit::server
