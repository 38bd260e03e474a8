#include "base/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(Utf8Test, AcceptsWellFormedText) {
  for (const char* text : {"", "plain", "Grüße", "日本語", "😀", "\x01"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
}

TEST(Utf8Test, RefusesMalformedBytes) {
  for (const char* text :
       {"\x80", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf5\x80\x80\x80", "a\377b"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << text;
  }
}

}  // namespace
}  // namespace nearhit
