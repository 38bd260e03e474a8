#include "base/coding.h"

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(CodingTest, ReaderReadsWhatWasPut) {
  std::string bytes;
  PutFixed(&bytes, std::uint16_t{7});
  PutBytes(&bytes, "abc");
  PutBigEndian64(&bytes, 1);
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Fixed<std::uint16_t>(), 7);
  EXPECT_EQ(reader.Bytes(), "abc");
  EXPECT_EQ(reader.BigEndian64(), 1U);
  EXPECT_TRUE(reader.AtEnd());
}

TEST(CodingTest, EveryTruncationIsSeen) {
  std::string bytes;
  PutFixed(&bytes, std::uint32_t{7});
  PutBytes(&bytes, "abc");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader(std::string_view(bytes).substr(0, size));
    (void)reader.Fixed<std::uint32_t>();
    (void)reader.Bytes();
    EXPECT_FALSE(reader.ok()) << size;
  }
}

TEST(CodingTest, ALengthBeyondTheEndIsRefused) {
  std::string bytes;
  PutFixed(&bytes, std::uint32_t{0xffffffff});
  bytes += "abc";
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Bytes(), "");
  EXPECT_FALSE(reader.ok());
}

TEST(CodingTest, BigEndianSortsByValue) {
  std::string small;
  std::string large;
  PutBigEndian64(&small, 255);
  PutBigEndian64(&large, 256);
  EXPECT_LT(small, large);
}

}  // namespace
}  // namespace nearhit
