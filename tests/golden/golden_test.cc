// Bytes that each version left on disk: they decode to what was stored, and what is stored today is
// written as exactly these bytes.

#include "tests/golden/golden.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/coding.h"
#include "engine/collection/id_allocator.h"
#include "engine/storage/envelope.h"
#include "engine/storage/high_water_mark.h"
#include "engine/storage/memory_store.h"
#include "tests/golden/golden_samples.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::HasSubstr;

// Every sealed record: its golden file, what writes it today, and what reads it.
struct Kind {
  std::string name;
  std::string key;
  std::string encoded;
  std::function<Status(std::string_view value)> decode;
  int version = 1;
  int newest = 1;  // of this kind

  std::string golden() const { return Golden(name, encoded, version); }
};

std::vector<Kind> AllKinds() {
  const auto decode_vector = [](std::string_view value) {
    std::vector<float> out(kVector.size());
    return DecodeVector(kKey, value, out);
  };
  const auto decode_reembedding = [](std::string_view value) {
    return DecodeReembedding(kReembeddingKey, value).status();
  };
  const std::string namespace_key(kNamespaceKey);
  return {
      {"header", kKey, EncodeHeader(kKey, SampleHeader()),
       [](std::string_view value) { return DecodeHeader(kKey, value).status(); }},
      {"payload", kKey, EncodePayload(kKey, SamplePayload()),
       [](std::string_view value) { return DecodePayload(kKey, value).status(); }},
      {"vector", kKey, EncodeVector(kKey, kVector), decode_vector},
      {"partition", kKey, EncodePartition(kKey, "scope"),
       [](std::string_view value) { return DecodePartition(kKey, value).status(); }},
      {"label", kKey, EncodeLabel(kKey, SampleLabel()),
       [](std::string_view value) { return DecodeLabel(kKey, value).status(); }},
      {"ids", kKey, EncodeIds(kKey, kIds),
       [](std::string_view value) { return DecodeIds(kKey, value).status(); }},
      {"namespace", namespace_key, EncodeNamespace(kNamespaceKey, SampleNamespace()),
       [](std::string_view value) { return DecodeNamespace(kNamespaceKey, value).status(); }, 1, 4},
      {"namespace", namespace_key, EncodeNamespace(kNamespaceKey, SampleLocalNamespace()),
       [](std::string_view value) { return DecodeNamespace(kNamespaceKey, value).status(); }, 2, 4},
      {"namespace", namespace_key, EncodeNamespace(kNamespaceKey, SampleUnguardedNamespace()),
       [](std::string_view value) { return DecodeNamespace(kNamespaceKey, value).status(); }, 3, 4},
      {"namespace", namespace_key, EncodeNamespace(kNamespaceKey, SampleReembeddedNamespace()),
       [](std::string_view value) { return DecodeNamespace(kNamespaceKey, value).status(); }, 4, 4},
      {"reembedding", std::string(kReembeddingKey),
       EncodeReembedding(kReembeddingKey, SampleReembedding()), decode_reembedding, 1, 3},
      {"reembedding", std::string(kReembeddingKey),
       EncodeReembedding(kReembeddingKey, SampleLocalReembedding()), decode_reembedding, 2, 3},
      {"reembedding", std::string(kReembeddingKey),
       EncodeReembedding(kReembeddingKey, SampleReembeddingOfKeys()), decode_reembedding, 3, 3},
      {"secret", "secret", EncodeSecret("secret", SampleSecret()),
       [](std::string_view value) { return DecodeSecret("secret", value).status(); }},
      {"next_namespace", "next_namespace", EncodeNextNumber("next_namespace", 8),
       [](std::string_view value) { return DecodeNextNumber("next_namespace", value).status(); }},
  };
}

TEST(GoldenTest, TodaysRecordsAreTheBytesOfTheirVersion) {
  for (const Kind& kind : AllKinds()) {
    SCOPED_TRACE(kind.name);
    EXPECT_EQ(ToHex(kind.encoded), ToHex(kind.golden()));
    EXPECT_THAT(kind.decode(kind.golden()), IsOk());
  }
}

TEST(GoldenTest, TheNextVersionIsRefusedByNumber) {
  for (const Kind& kind : AllKinds()) {
    SCOPED_TRACE(kind.name);
    std::string body = kind.golden();
    ASSERT_GT(body.size(), 8U);
    body.resize(body.size() - 8);
    body[0] = static_cast<char>(kind.newest + 1);
    EXPECT_THAT(
        kind.decode(Seal(kind.key, body)),
        StatusIs(StatusCode::kFailedPrecondition,
                 HasSubstr("record version " + std::to_string(kind.newest + 1) +
                           " is not readable by this build (reads 1" +
                           (kind.newest > 1 ? " to " + std::to_string(kind.newest) : "") + ")")));
  }
}

TEST(GoldenTest, EveryFlippedBitAndTruncationOfEveryRecordIsRefused) {
  for (const Kind& kind : AllKinds()) {
    SCOPED_TRACE(kind.name);
    const std::string good = kind.golden();
    for (std::size_t at = 0; at < good.size(); ++at) {
      EXPECT_THAT(kind.decode(good.substr(0, at)), StatusIs(StatusCode::kDataLoss)) << at;
      for (unsigned bit = 0; bit < 8; ++bit) {
        std::string bad = good;
        bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << bit));
        // A flip in the version byte may be one that is not known; all bytes are under the
        // checksum.
        const bool known = bad[0] >= 1 && bad[0] <= kind.newest;
        EXPECT_THAT(kind.decode(bad),
                    StatusIs(known ? StatusCode::kDataLoss : StatusCode::kFailedPrecondition))
            << at << " bit " << bit;
      }
    }
    EXPECT_THAT(kind.decode(good + 'x'), StatusIs(StatusCode::kDataLoss));
    EXPECT_THAT(kind.decode(Seal("another key", good.substr(0, good.size() - 8))),
                StatusIs(StatusCode::kDataLoss));
  }
}

TEST(GoldenTest, HeaderReads) {
  const std::string bytes = Golden("header");
  const auto read = DecodeHeader(kKey, bytes);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->partition, SampleHeader().partition);
  EXPECT_EQ(read->created_us, SampleHeader().created_us);
  EXPECT_EQ(read->expires_us, SampleHeader().expires_us);
  EXPECT_EQ(read->key_hash, SampleHeader().key_hash);
  EXPECT_EQ(read->bytes, SampleHeader().bytes);
  EXPECT_TRUE(read->has_vector);
}

TEST(GoldenTest, PayloadReads) {
  const std::string bytes = Golden("payload");
  const auto read = DecodePayload(kKey, bytes);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->partition, SamplePayload().partition);
  EXPECT_EQ(read->created_us, SamplePayload().created_us);
  EXPECT_EQ(read->expires_us, 0);
  EXPECT_EQ(read->key, SamplePayload().key);
  EXPECT_EQ(read->content_type, SamplePayload().content_type);
  EXPECT_EQ(read->model, SamplePayload().model);
  EXPECT_EQ(read->prompt_tokens, 7U);
  EXPECT_EQ(read->answer_tokens, 9U);
  EXPECT_EQ(read->cost, 0.25);
  EXPECT_EQ(read->tags, SamplePayload().tags);
  EXPECT_EQ(read->payload, SamplePayload().payload);
}

TEST(GoldenTest, LabelReads) {
  const auto read = DecodeLabel(kKey, Golden("label"));
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(read->serves);
  EXPECT_EQ(read->source, 2);
  EXPECT_TRUE(read->alias);
  EXPECT_EQ(read->principal, SampleLabel().principal);
  EXPECT_EQ(read->created_us, SampleLabel().created_us);
  EXPECT_EQ(read->requests, 2.5F);
  EXPECT_TRUE(read->of_traffic);
  EXPECT_EQ(read->frame_cosine, 0.7F);
  EXPECT_EQ(read->frame_guards, 0b110U);
  EXPECT_EQ(read->conflicts, 0b101U);
  EXPECT_EQ(read->feature_set, 99U);
  EXPECT_EQ(read->features, SampleLabel().features);
}

TEST(GoldenTest, SmallRecordsRead) {
  std::vector<float> vector(kVector.size());
  ASSERT_THAT(DecodeVector(kKey, Golden("vector"), vector), IsOk());
  EXPECT_EQ(vector, kVector);
  const std::string partition = Golden("partition");
  EXPECT_THAT(DecodePartition(kKey, partition), IsOkAndHolds("scope"));
  EXPECT_THAT(DecodeIds(kKey, Golden("ids")), IsOkAndHolds(kIds));
  EXPECT_THAT(DecodeSecret("secret", Golden("secret")), IsOkAndHolds(SampleSecret()));
  EXPECT_THAT(DecodeNextNumber("next_namespace", Golden("next_namespace")), IsOkAndHolds(8U));
}

TEST(GoldenTest, NamespaceReads) {
  const auto read = DecodeNamespace(kNamespaceKey, Golden("namespace"));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->name, SampleNamespace().name);
  EXPECT_EQ(read->number, SampleNamespace().number);
  EXPECT_EQ(read->created_us, SampleNamespace().created_us);
  EXPECT_EQ(read->embedder_identity, SampleNamespace().embedder_identity);
  EXPECT_EQ(read->config, SampleNamespace().config);
}

TEST(GoldenTest, NamespaceOfVersionTwoReads) {
  const auto read = DecodeNamespace(kNamespaceKey, Golden("namespace", {}, 2));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->embedder_identity, SampleLocalNamespace().embedder_identity);
  EXPECT_EQ(read->config, SampleLocalNamespace().config);
}

// One value, one encoding: the fields that version 2 adds are not all at their defaults, and
// version 1 ends before them.
TEST(GoldenTest, ANamespaceRecordUnderTheWrongVersionIsRefused) {
  for (const int version : {1, 2}) {
    std::string body = Golden("namespace", {}, version);
    body.resize(body.size() - 8);
    body[0] = static_cast<char>(3 - version);
    EXPECT_THAT(DecodeNamespace(kNamespaceKey, Seal(kNamespaceKey, body)),
                StatusIs(StatusCode::kDataLoss));
    if (version == 1) {  // the defaults, written out
      PutBytes(&body, "");
      PutBytes(&body, "fast");
      PutBytes(&body, "refuse");
      EXPECT_THAT(DecodeNamespace(kNamespaceKey, Seal(kNamespaceKey, body)),
                  StatusIs(StatusCode::kDataLoss));
    }
  }
}

// Names of the rows of Family::kMeta.
TEST(GoldenTest, ACatalogueOfVersionOneLoads) {
  const std::unique_ptr<KvStore> store = NewMemoryStore();
  WriteBatch batch;
  batch.Put(Family::kMeta, "secret", Golden("secret"));
  batch.Put(Family::kMeta, "next_namespace", Golden("next_namespace"));
  batch.Put(Family::kMeta, std::string(kNamespaceKey), Golden("namespace"));
  batch.Put(Family::kMeta, "dropped/5", "");
  ASSERT_THAT(store->Write(batch, /*sync=*/false), IsOk());
  auto catalogue = Catalogue::Load(store.get());
  ASSERT_THAT(catalogue, IsOk());
  EXPECT_EQ(catalogue->secret(), SampleSecret());
  EXPECT_EQ(catalogue->NextNumber(), 8U);
  EXPECT_EQ(catalogue->namespaces().at(0).config, SampleNamespace().config);
  EXPECT_EQ(catalogue->dropped(), std::vector<NamespaceNumber>{5});
  ASSERT_THAT(catalogue->Put(SampleNamespace()), IsOk());
  std::string value;
  ASSERT_THAT(store->Get(Family::kMeta, kNamespaceKey, ReadMode::kBlocking, &value), IsOk());
  EXPECT_EQ(ToHex(value), ToHex(Golden("namespace")));
}

TEST(GoldenTest, AChangeUnderWayIsARowOfItsOwn) {
  const std::unique_ptr<KvStore> store = NewMemoryStore();
  WriteBatch batch;
  batch.Put(Family::kMeta, "secret", Golden("secret"));
  batch.Put(Family::kMeta, std::string(kNamespaceKey), Golden("namespace"));
  batch.Put(Family::kMeta, std::string(kReembeddingKey), Golden("reembedding"));
  ASSERT_THAT(store->Write(batch, /*sync=*/false), IsOk());
  auto catalogue = Catalogue::Load(store.get());
  ASSERT_THAT(catalogue, IsOk());
  NamespaceRecord record = *catalogue->Find("support");
  EXPECT_EQ(record.reembedding, SampleReembedding());
  ASSERT_THAT(catalogue->Put(record), IsOk());
  std::string value;
  ASSERT_THAT(store->Get(Family::kMeta, kReembeddingKey, ReadMode::kBlocking, &value), IsOk());
  EXPECT_EQ(ToHex(value), ToHex(Golden("reembedding")));
  record.number = std::exchange(record.reembedding, std::nullopt)->to;
  ASSERT_THAT(catalogue->Put(record), IsOk());
  EXPECT_EQ(catalogue->dropped(), std::vector<NamespaceNumber>{7});
  EXPECT_THAT(store->Get(Family::kMeta, kReembeddingKey, ReadMode::kBlocking, &value),
              StatusIs(StatusCode::kNotFound));
}

TEST(GoldenTest, IdAllocationIsTheBytesOfVersionOne) {
  const std::unique_ptr<KvStore> store = NewMemoryStore();
  ASSERT_THAT((*IdAllocator::Open(store.get()))->Take(1), IsOkAndHolds(EntryId{1}));
  std::string value;
  ASSERT_THAT(store->Get(Family::kMeta, "next_id", ReadMode::kBlocking, &value), IsOk());
  EXPECT_EQ(ToHex(value), ToHex(Golden("next_id", value)));
}

TEST(GoldenTest, KeysAreTheBytesOfVersionOne) {
  const EntryId id{0x0102030405060708};
  const auto check = [](const std::string& name, const std::string& key) {
    EXPECT_EQ(ToHex(key), ToHex(Golden(name, key))) << name;
    return Golden(name);
  };
  EXPECT_EQ(ParseEntryKey(check("key_entry", EntryKey(7, id))), id);
  EXPECT_EQ(ParsePartitionKey(check("key_partition", PartitionKey(7, 9))), 9U);
  check("key_exact", ExactKey(7, {.low = 0x0102030405060708, .high = 0x1112131415161718}));
  const std::string tag = check("key_tag", TagKey(7, "faq", id));
  EXPECT_EQ(ParseTagKey(tag), id);
  EXPECT_EQ(TagOfKey(tag), "faq");
  const auto expiry = ParseExpiryKey(check("key_expiry", ExpiryKey(7, 0x0a0b, id)));
  ASSERT_TRUE(expiry);
  EXPECT_EQ(expiry->expires_us, 0x0a0b);
  EXPECT_EQ(expiry->id, id);
}

TEST(GoldenTest, HighWaterMarksAreTheBytesOfTheirVersions) {
  const HighWaterMark first{.sequence = 0x0102};
  const HighWaterMark second{.sequence = 0x0102,
                             .manifest = {.number = 5, .bytes = 0x0304},
                             .logs = {{.number = 4, .bytes = 0x0506}, {.number = 9, .bytes = 1}}};
  std::string golden;
  for (const int version : {1, 2}) {
    const HighWaterMark& mark = version == 1 ? first : second;
    golden = Golden("high_water_mark", EncodeHighWaterMark(mark), version);
    EXPECT_EQ(ToHex(EncodeHighWaterMark(mark)), ToHex(golden));
    EXPECT_THAT(DecodeHighWaterMark(golden), IsOkAndHolds(mark));
  }
  std::string next = golden.substr(0, golden.size() - 8);
  next[8] = 3;
  PutFixed(&next, Hash64(next));
  EXPECT_THAT(DecodeHighWaterMark(next),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("version 3 ")));
}

}  // namespace
}  // namespace nearhit
