#include "server/gateway/price_table.h"

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

PriceOptions Price(std::string model, double input, double output) {
  return {.model = std::move(model), .input = input, .output = output};
}

TEST(PriceTable, TheLongestMatchWins) {
  const PriceTable table({Price("*", 1, 1), Price("m*", 2, 2), Price("m-large*", 3, 3),
                          Price("m-large", 4, 4), Price("m-*", 5, 5)});
  EXPECT_EQ(table.NameOf("m-large", ""), "m-large");
  EXPECT_EQ(table.NameOf("m-large-2", ""), "m-large*");
  EXPECT_EQ(table.NameOf("m-small", ""), "m-*");
  EXPECT_EQ(table.NameOf("m", ""), "m*");
  EXPECT_EQ(table.NameOf("other", ""), "*");
  EXPECT_EQ(table.NameOf("", ""), kNoPrice) << "no model at all";
}

TEST(PriceTable, TheAnsweringModelCountsWhenTheOtherIsUnknown) {
  const PriceTable table({Price("a", 1, 1), Price("b", 2, 2)});
  EXPECT_EQ(table.NameOf("a", "b"), "a");
  EXPECT_EQ(table.NameOf("my-deployment", "b"), "b");
  EXPECT_EQ(table.NameOf("my-deployment", "c"), kNoPrice);
  EXPECT_EQ(table.Find("my-deployment", ""), nullptr);
}

TEST(PriceTable, CachedInputCostsLess) {
  PriceOptions price = Price("m", 2, 8);
  const TokenUsage usage{
      .input = 1'000'000, .cached_input = 400'000, .output = 250'000, .known = true};
  EXPECT_DOUBLE_EQ(PriceTable({price}).ChargeFor("m", "", usage).usd, 4.0) << "no price of its own";
  price.cached_input = 0.5;
  const Charge charge = PriceTable({price}).ChargeFor("m", "", usage);
  EXPECT_DOUBLE_EQ(charge.usd, 0.6 * 2 + 0.4 * 0.5 + 0.25 * 8);
  EXPECT_TRUE(charge.known());
}

TEST(PriceTable, ChargesAreNeverNegative) {
  const TokenUsage odd{.input = 1, .cached_input = 5, .known = true};
  const Charge charge = PriceTable({Price("m", 1e6, 0)}).ChargeFor("m", "", odd);
  EXPECT_DOUBLE_EQ(charge.usd, 1.0);
}

TEST(PriceTable, WhatIsUnknownCostsNothing) {
  const PriceTable table({Price("m", 1, 1)});
  EXPECT_FALSE(table.ChargeFor("other", "", {.input = 5, .known = true}).known());
  EXPECT_FALSE(table.ChargeFor("m", "", {}).known()) << "nothing said of tokens";
  EXPECT_EQ(table.ChargeFor("other", "", {.input = 5, .known = true}).usd, 0);
}

TEST(PriceTable, KnowsListPrices) {
  const PriceTable table({});
  const auto usd = [&table](std::string_view model) {
    return table.ChargeFor(model, "", {.input = 1'000'000, .output = 1'000'000, .known = true}).usd;
  };
  EXPECT_DOUBLE_EQ(usd("gpt-4o"), 12.5);
  EXPECT_DOUBLE_EQ(usd("gpt-4o-2024-08-06"), 12.5);
  EXPECT_DOUBLE_EQ(usd("gpt-4o-2024-05-13"), 20);
  EXPECT_DOUBLE_EQ(usd("gpt-4o-mini-2024-07-18"), 0.75);
  EXPECT_DOUBLE_EQ(usd("claude-sonnet-4-5-20250929"), 18);
  EXPECT_DOUBLE_EQ(usd("claude-sonnet-4-20250514"), 18);
  EXPECT_DOUBLE_EQ(usd("claude-opus-4-5"), 30);
  EXPECT_DOUBLE_EQ(usd("text-embedding-3-small"), 0.02);
  EXPECT_EQ(table.NameOf("gpt-4o-audio-preview", ""), kNoPrice);
  EXPECT_EQ(PriceTable({Price("mine", 1, 1)}).NameOf("gpt-4o", ""), kNoPrice) << "replaced";
}

TEST(PriceTable, ListPricesAreInOrder) {
  for (const PriceOptions& price : ListPrices()) {
    EXPECT_GT(price.input, 0) << price.model;
    EXPECT_LE(price.cached_input.value_or(0), price.input) << price.model;
    EXPECT_LE(price.output, PriceOptions::kMost) << price.model;
  }
}

}  // namespace
}  // namespace nearhit::server
