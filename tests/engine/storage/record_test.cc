#include "engine/storage/record.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/storage/envelope.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

PayloadRecord Sample() {
  return {.partition = 3,
          .created_us = 1'700'000'000'000'000,
          .expires_us = 1'800'000'000'000'000,
          .key = "how do I reset my password",
          .content_type = "text/plain",
          .model = "m",
          .prompt_tokens = 7,
          .answer_tokens = 9,
          .cost = 0.25,
          .tags = {"a", "bb"},
          .payload = "answer"};
}

TEST(RecordTest, PayloadRoundTrips) {
  const std::string bytes = EncodePayload("key", Sample());
  const Result<PayloadRecord> read = DecodePayload("key", bytes);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->key, Sample().key);
  EXPECT_EQ(read->payload, "answer");
  EXPECT_EQ(read->tags, Sample().tags);
  EXPECT_EQ(read->expires_us, Sample().expires_us);
  EXPECT_EQ(read->cost, 0.25);
}

TEST(RecordTest, HeaderRoundTrips) {
  const HeaderRecord header{.partition = 3,
                            .created_us = 1,
                            .expires_us = 2,
                            .key_hash = {.low = 3, .high = 4},
                            .bytes = 5,
                            .has_vector = true};
  const Result<HeaderRecord> read = DecodeHeader("k", EncodeHeader("k", header));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->key_hash, header.key_hash);
  EXPECT_EQ(read->bytes, 5U);
  EXPECT_TRUE(read->has_vector);
}

TEST(RecordTest, EveryFlippedBitAndTruncationIsSeen) {
  const std::string good = EncodePayload("key", Sample());
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    const Result<PayloadRecord> read = DecodePayload("key", bad);
    EXPECT_THAT(read, StatusIs(at == 0 ? StatusCode::kFailedPrecondition : StatusCode::kDataLoss))
        << at;
    EXPECT_THAT(DecodePayload("key", std::string_view(good).substr(0, at)),
                StatusIs(StatusCode::kDataLoss))
        << at;
  }
}

TEST(RecordTest, ARecordUnderAnotherKeyIsRefused) {
  EXPECT_THAT(DecodePayload("other", EncodePayload("key", Sample())),
              StatusIs(StatusCode::kDataLoss));
}

TEST(RecordTest, AnotherVersionIsRefusedByName) {
  std::string bytes = EncodeIds("k", {EntryId{1}});
  bytes[0] = 9;
  EXPECT_THAT(DecodeIds("k", bytes),
              StatusIs(StatusCode::kFailedPrecondition,
                       "id list record version 9 is not readable by this build (reads 1)"));
}

TEST(RecordTest, VectorOfAnotherDimensionIsRefused) {
  const std::vector<float> vector = {1, 2, 3};
  const std::string bytes = EncodeVector("k", vector);
  std::vector<float> same(3);
  EXPECT_THAT(DecodeVector("k", bytes, same), IsOk());
  EXPECT_EQ(same, vector);
  std::vector<float> other(4);
  EXPECT_THAT(DecodeVector("k", bytes, other), StatusIs(StatusCode::kDataLoss));
}

TEST(RecordTest, AVectorWithoutComponentsReads) {
  EXPECT_THAT(DecodeVector("k", EncodeVector("k", {}), {}), IsOk());
}

// Every record has one form only, so that equal records have equal bytes.
TEST(RecordTest, AHeaderWithAnotherByteForTrueIsRefused) {
  std::string bytes = EncodeHeader("k", {.has_vector = true});
  bytes.resize(bytes.size() - 8);
  bytes.back() = 2;
  EXPECT_THAT(DecodeHeader("k", Seal("k", bytes)), StatusIs(StatusCode::kDataLoss));
}

// The bytes of version 1, as released: a change here is a new version.
TEST(RecordTest, GoldenBytesOfVersionOne) {
  const std::string bytes = EncodeIds("k", {EntryId{0x0102}});
  ASSERT_EQ(bytes.size(), 17U);
  EXPECT_EQ(bytes.substr(0, 9), std::string("\x01\x02\x01\0\0\0\0\0\0", 9));
}

TEST(KeysTest, KeysSortByValueAndParseBack) {
  EXPECT_LT(EntryKey(1, EntryId{255}), EntryKey(1, EntryId{256}));
  EXPECT_LT(EntryKey(1, EntryId{~0ULL}), EntryKey(2, EntryId{0}));
  EXPECT_EQ(ParseEntryKey(EntryKey(1, EntryId{77})), EntryId{77});
  EXPECT_EQ(ParseTagKey(TagKey(1, "tag", EntryId{77})), EntryId{77});
  EXPECT_EQ(TagOfKey(TagKey(1, "tag", EntryId{77})), "tag");
  EXPECT_EQ(ParseExpiryKey(ExpiryKey(1, 5, EntryId{77}))->expires_us, 5);
  EXPECT_FALSE(ParseTagKey("short"));
}

TEST(KeysTest, ATagsRowsAreNotThoseOfALongerTag) {
  const std::string longer = TagKey(1, std::string("a") + std::string(8, '\0'), EntryId{1});
  EXPECT_FALSE(longer.starts_with(TagPrefix(1, "a")));
}

}  // namespace
}  // namespace nearhit
