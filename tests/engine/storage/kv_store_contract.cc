#include "tests/engine/storage/kv_store_contract.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace nearhit {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KvStoreContract);

void KvStoreContract::Put(const std::string& key, const std::string& value) {
  WriteBatch batch;
  batch.Put(Family::kPayloads, key, value);
  ASSERT_THAT(store_->Write(batch, false), IsOk());
}

std::string KvStoreContract::GetOr(const std::string& key, const std::string& fallback) const {
  std::string value;
  const Status read = store_->Get(Family::kPayloads, key, ReadMode::kBlocking, &value);
  return read.ok() ? value : fallback;
}

std::vector<std::string> KvStoreContract::Keys(const std::string& begin,
                                               const std::string& end) const {
  std::vector<std::string> keys;
  EXPECT_THAT(store_->Scan(Family::kPayloads, begin, end, {},
                           [&keys](std::string_view key, std::string_view) {
                             keys.emplace_back(key);
                             return true;
                           }),
              IsOk());
  return keys;
}

TEST_P(KvStoreContract, GetsWhatWasPut) {
  const std::string binary("\0key\xff", 5);
  Put(binary, "value");
  EXPECT_EQ(GetOr(binary, "none"), "value");
  std::string value;
  EXPECT_THAT(store_->Get(Family::kPayloads, "other", ReadMode::kBlocking, &value),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store_->Get(Family::kVectors, binary, ReadMode::kBlocking, &value),
              StatusIs(StatusCode::kNotFound));
}

TEST_P(KvStoreContract, ReadsAfterAWriteSeeIt) {
  for (const char* value : {"one", "two"}) {
    Put("key", value);
    EXPECT_EQ(GetOr("key", "none"), value);
    EXPECT_EQ(GetOr("key", "none"), value);
  }
  WriteBatch batch;
  batch.Delete(Family::kPayloads, "key");
  ASSERT_THAT(store_->Write(batch, false), IsOk());
  EXPECT_EQ(GetOr("key", "none"), "none");
  Put("key", "three");
  EXPECT_EQ(GetOr("key", "none"), "three");
  ASSERT_THAT(store_->DropPrefix("ke"), IsOk());
  EXPECT_EQ(GetOr("key", "none"), "none");
}

TEST_P(KvStoreContract, KeepsLargeValues) {
  const std::string large(1'000'000, 'x');
  Put("large", large);
  EXPECT_EQ(GetOr("large", ""), large);
}

TEST_P(KvStoreContract, BatchIsAppliedInOrder) {
  WriteBatch batch;
  batch.Put(Family::kPayloads, "a", "1");
  batch.Delete(Family::kPayloads, "a");
  batch.Put(Family::kPayloads, "b", "1");
  batch.Put(Family::kPayloads, "b", "2");
  ASSERT_THAT(store_->Write(batch, true), IsOk());
  EXPECT_EQ(GetOr("a", "none"), "none");
  EXPECT_EQ(GetOr("b", "none"), "2");
}

TEST_P(KvStoreContract, ScansAHalfOpenRangeInOrder) {
  for (const char* key : {"c", "a", "b", "d"}) {
    Put(key, "v");
  }
  EXPECT_EQ(Keys("b", "d"), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(Keys("c", ""), (std::vector<std::string>{"c", "d"}));
}

TEST_P(KvStoreContract, ScanStopsWhenAskedAndSeesOneMoment) {
  Put("a", "1");
  Put("b", "1");
  std::vector<std::string> seen;
  ASSERT_THAT(store_->Scan(Family::kPayloads, "", "", {},
                           [&](std::string_view key, std::string_view) {
                             seen.emplace_back(key);
                             Put("c", "late");
                             return seen.size() < 3;
                           }),
              IsOk());
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b"}));
}

TEST_P(KvStoreContract, ScansNoMoreKeysThanItMay) {
  for (const char* key : {"a", "b", "c", "d"}) {
    Put(key, "v");
  }
  for (const std::size_t limit : {0U, 2U, 4U, 5U}) {
    std::size_t seen = 0;
    ASSERT_THAT(store_->Scan(Family::kPayloads, "", "", {.limit = limit},
                             [&seen](std::string_view, std::string_view) {
                               ++seen;
                               return true;
                             }),
                IsOk());
    EXPECT_EQ(seen, std::min<std::size_t>(limit, 4));
  }
}

TEST_P(KvStoreContract, DropsAPrefixAndNothingElse) {
  for (const char* key : {"aa", "ab", "abc", "ac"}) {
    Put(key, "v");
  }
  WriteBatch batch;
  batch.Put(Family::kMeta, "ab", "kept");
  ASSERT_THAT(store_->Write(batch, false), IsOk());
  ASSERT_THAT(store_->DropPrefix("ab"), IsOk());
  EXPECT_EQ(Keys("", ""), (std::vector<std::string>{"aa", "ac"}));
  std::string value;
  EXPECT_THAT(store_->Get(Family::kMeta, "ab", ReadMode::kBlocking, &value), IsOk());
}

TEST_P(KvStoreContract, SequenceGrowsWithWrites) {
  const std::uint64_t before = store_->LatestSequence();
  Put("a", "1");
  EXPECT_GT(store_->LatestSequence(), before);
  EXPECT_THAT(store_->Flush(), IsOk());
  EXPECT_EQ(store_->lost_sequences(), 0U);
}

}  // namespace nearhit
