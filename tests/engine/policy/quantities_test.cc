#include "engine/policy/quantities.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

std::vector<double> ValuesOf(const std::string& text) {
  std::vector<bool> used;
  std::vector<double> values;
  for (const Quantity& quantity : QuantitiesOf(TextWords(text), &used)) {
    values.push_back(quantity.value);
  }
  return values;
}

TEST(QuantitiesTest, AreReadAsTheyAreWritten) {
  const std::vector<std::pair<std::string, std::vector<double>>> table = {
      {"what is 2,000 of it", {2000}},
      {"what is 2k of it", {2000}},
      {"what is 2.5 million of it", {2.5e6}},
      {"what is 1,234,567.5 of it", {1234567.5}},
      {"what are two hundred and fifty of it", {250}},
      {"what are twenty-five or twenty five", {25, 25}},
      {"what are three thousand", {3000}},
      {"what are five six of it", {5, 6}},
      {"what is the 3rd or third", {3, 3}},
      {"what is a 10kg bag", {10000}},
      {"what are 2 hours", {7200}},
      {"what about the 1990s", {1990}},
      {"what is 5% of it", {5}},
      {"wie viel sind 2.500,75 davon", {2500.75}},
      {"wie viel sind 1,5 davon", {1.5}},
      {"combien de 1 234", {1, 234}},
      {"what is version 1.2.3", {}},
      {"what is an A4 or a MP3", {}},
      {"三百五十", {350}},
      {"一万二千", {12000}},
      {"十五", {15}},
  };
  for (const auto& [text, values] : table) {
    EXPECT_EQ(ValuesOf(text), values) << text;
  }
}

}  // namespace
}  // namespace nearhit
