#include "engine/collection/tag_table.h"

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(TagTableTest, ATagHasOneNumberAsLongAsSomethingHoldsIt) {
  TagTable tags;
  const TagNumber red = tags.Intern("red");
  EXPECT_NE(tags.Intern("blue"), red);
  EXPECT_EQ(tags.Intern("red"), red);
  EXPECT_EQ(tags.Text(red), "red");
  tags.Release(red);
  EXPECT_EQ(tags.Find("red"), red);
  tags.Release(red);
  EXPECT_EQ(tags.Find("red"), std::nullopt);
  EXPECT_EQ(tags.size(), 1U);
}

// A search that has resolved "red" would take another tag of its number for red.
TEST(TagTableTest, ANumberIsNotGivenOutAgain) {
  TagTable tags;
  const TagNumber red = tags.Intern("red");
  tags.Release(red);
  EXPECT_NE(tags.Intern("blue"), red);
  EXPECT_EQ(tags.Text(red), "");
  EXPECT_NE(tags.Intern("red"), red);
}

}  // namespace
}  // namespace nearhit
