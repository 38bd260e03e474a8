// Encoding of the values of every family, each inside the envelope of envelope.h. Byte tables:
// docs/formats.md; golden files: tests/golden.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "engine/storage/keys.h"
#include "nearhit/result.h"
#include "nearhit/semantic_cache.h"
#include "nearhit/types.h"

namespace nearhit {

// kHeaders.
struct HeaderRecord {
  PartitionNumber partition = 0;
  std::int64_t created_us = 0;
  std::int64_t expires_us = 0;  // 0: never
  Hash128 key_hash{};
  std::uint64_t bytes = 0;  // what the entry counts against the budget
  bool has_vector = false;
};

// kPayloads. Views into the decoded bytes. `header` repeats what a hit needs, so that an exact hit
// reads this family only.
struct PayloadRecord {
  PartitionNumber partition = 0;
  std::int64_t created_us = 0;
  std::int64_t expires_us = 0;
  std::string_view key{};  // slot text, or the user's key
  std::string_view content_type{};
  std::string_view model{};
  std::uint32_t prompt_tokens = 0;
  std::uint32_t answer_tokens = 0;
  double cost = 0;
  std::vector<std::string_view> tags{};
  std::string_view payload{};
};

// kLabels.
struct LabelRecord {
  bool serves = false;
  std::uint8_t source = 0;  // LabelSource
  bool alias = false;
  std::uint64_t principal = 0;  // a hash
  std::int64_t created_us = 0;
  float requests = 0;
  bool of_traffic = false;
  float frame_cosine = 0;          // of a sample: what it was drawn from
  std::uint32_t frame_guards = 0;  // the same, as GuardSet::bits
  std::uint32_t conflicts = 0;     // GuardSet::bits
  std::uint64_t feature_set = 0;   // of which the features are
  std::vector<float> features{};   // of the pair; empty: none were made
};

// Encoders take the key under which the value will be stored: it is part of the checksum.
std::string EncodeHeader(std::string_view storage_key, const HeaderRecord& record);
std::string EncodePayload(std::string_view storage_key, const PayloadRecord& record);
std::string EncodeVector(std::string_view storage_key, VectorView vector);
std::string EncodePartition(std::string_view storage_key, std::string_view scope);
std::string EncodeLabel(std::string_view storage_key, const LabelRecord& record);
std::string EncodeIds(std::string_view storage_key, const std::vector<EntryId>& ids);

// Decoders. Errors: kDataLoss when the checksum or the shape is wrong; kFailedPrecondition for a
// version of another build, naming both. Never read outside `value`. Results that hold views point
// into `value`.
Result<HeaderRecord> DecodeHeader(std::string_view storage_key, std::string_view value);
Result<PayloadRecord> DecodePayload(std::string_view storage_key, std::string_view value);
// Fills `out` exactly; kDataLoss when the stored dimension differs from out.size().
Status DecodeVector(std::string_view storage_key, std::string_view value, std::span<float> out);
Result<std::string_view> DecodePartition(std::string_view storage_key, std::string_view value);
Result<LabelRecord> DecodeLabel(std::string_view storage_key, std::string_view value);
Result<std::vector<EntryId>> DecodeIds(std::string_view storage_key, std::string_view value);

}  // namespace nearhit
