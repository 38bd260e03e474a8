#include "server/config/config_gateway.h"

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

}  // namespace
}  // namespace nearhit::server
