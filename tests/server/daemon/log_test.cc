#include "server/daemon/log.h"

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

TEST(LogTest, EscapesJson) {
  EXPECT_EQ(JsonEscape("a\"b\\c\nd"), "a\\\"b\\\\c\\u000ad");
}

}  // namespace
}  // namespace nearhit::server
