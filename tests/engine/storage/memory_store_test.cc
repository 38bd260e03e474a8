#include "engine/storage/memory_store.h"

#include "tests/engine/storage/kv_store_contract.h"

namespace nearhit {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory, KvStoreContract, testing::Values(NewMemoryStore));

TEST(PrefixEndTest, IsTheFirstKeyBehindThePrefix) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
}

}  // namespace
}  // namespace nearhit
