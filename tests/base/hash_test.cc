#include "base/hash.h"

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(KeyedHasherTest, PartsDoNotRunIntoEachOther) {
  const HashSecret secret = MakeHashSecret();
  const Hash128 ab_c = KeyedHasher(secret).Update("ab").Update("c").Digest();
  const Hash128 a_bc = KeyedHasher(secret).Update("a").Update("bc").Digest();
  EXPECT_NE(ab_c, a_bc);
}

TEST(KeyedHasherTest, SameSecretSameHash) {
  const HashSecret secret = MakeHashSecret();
  EXPECT_EQ(KeyedHasher(secret).Update("text").Digest(),
            KeyedHasher(secret).Update("text").Digest());
}

TEST(KeyedHasherTest, AnotherSecretAnotherHash) {
  EXPECT_NE(KeyedHasher(MakeHashSecret()).Update("text").Digest(),
            KeyedHasher(MakeHashSecret()).Update("text").Digest());
}

// Values of the reference implementation for the empty input: pins the function that files depend
// on.
TEST(Hash64Test, MatchesTheReference) {
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2ULL);
}

}  // namespace
}  // namespace nearhit
