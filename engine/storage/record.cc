#include "engine/storage/record.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/coding.h"
#include "engine/storage/envelope.h"

namespace nearhit {

namespace {

Status WrongShape(std::string_view kind) {
  return DataLoss(std::string(kind) + " record has the wrong shape");
}

}  // namespace

std::string EncodeHeader(std::string_view storage_key, const HeaderRecord& record) {
  std::string out = NewRecord();
  PutFixed(&out, record.partition);
  PutFixed(&out, record.created_us);
  PutFixed(&out, record.expires_us);
  PutFixed(&out, record.key_hash.low);
  PutFixed(&out, record.key_hash.high);
  PutFixed(&out, record.bytes);
  PutFixed(&out, static_cast<std::uint8_t>(record.has_vector ? 1 : 0));
  return Seal(storage_key, std::move(out));
}

Result<HeaderRecord> DecodeHeader(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body, Unseal("header", storage_key, value));
  ByteReader reader(body);
  HeaderRecord record;
  record.partition = reader.Fixed<PartitionNumber>();
  record.created_us = reader.Fixed<std::int64_t>();
  record.expires_us = reader.Fixed<std::int64_t>();
  record.key_hash.low = reader.Fixed<std::uint64_t>();
  record.key_hash.high = reader.Fixed<std::uint64_t>();
  record.bytes = reader.Fixed<std::uint64_t>();
  const auto has_vector = reader.Fixed<std::uint8_t>();
  record.has_vector = has_vector == 1;
  if (!reader.AtEnd() || has_vector > 1) {
    return WrongShape("header");
  }
  return record;
}

std::string EncodePayload(std::string_view storage_key, const PayloadRecord& record) {
  std::string out = NewRecord();
  out.reserve(128 + record.key.size() + record.payload.size());
  PutFixed(&out, record.partition);
  PutFixed(&out, record.created_us);
  PutFixed(&out, record.expires_us);
  PutFixed(&out, record.prompt_tokens);
  PutFixed(&out, record.answer_tokens);
  PutFixed(&out, record.cost);
  PutBytes(&out, record.key);
  PutBytes(&out, record.content_type);
  PutBytes(&out, record.model);
  PutFixed(&out, static_cast<std::uint16_t>(record.tags.size()));
  for (const std::string_view tag : record.tags) {
    PutBytes(&out, tag);
  }
  PutBytes(&out, record.payload);
  return Seal(storage_key, std::move(out));
}

Result<PayloadRecord> DecodePayload(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body, Unseal("payload", storage_key, value));
  ByteReader reader(body);
  PayloadRecord record;
  record.partition = reader.Fixed<PartitionNumber>();
  record.created_us = reader.Fixed<std::int64_t>();
  record.expires_us = reader.Fixed<std::int64_t>();
  record.prompt_tokens = reader.Fixed<std::uint32_t>();
  record.answer_tokens = reader.Fixed<std::uint32_t>();
  record.cost = reader.Fixed<double>();
  record.key = reader.Bytes();
  record.content_type = reader.Bytes();
  record.model = reader.Bytes();
  const auto tags = reader.Fixed<std::uint16_t>();
  for (std::uint16_t i = 0; i < tags && reader.ok(); ++i) {
    record.tags.push_back(reader.Bytes());
  }
  record.payload = reader.Bytes();
  if (!reader.AtEnd()) {
    return WrongShape("payload");
  }
  return record;
}

std::string EncodeVector(std::string_view storage_key, VectorView vector) {
  std::string out = NewRecord();
  out.append(reinterpret_cast<const char*>(vector.data()), vector.size_bytes());
  return Seal(storage_key, std::move(out));
}

Status DecodeVector(std::string_view storage_key, std::string_view value, std::span<float> out) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body, Unseal("vector", storage_key, value));
  if (body.size() != out.size_bytes()) {
    return WrongShape("vector");
  }
  std::copy(body.begin(), body.end(), reinterpret_cast<char*>(out.data()));
  return Status();
}

std::string EncodePartition(std::string_view storage_key, std::string_view scope) {
  std::string out = NewRecord();
  PutBytes(&out, scope);
  return Seal(storage_key, std::move(out));
}

Result<std::string_view> DecodePartition(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body, Unseal("partition", storage_key, value));
  ByteReader reader(body);
  const std::string_view scope = reader.Bytes();
  if (!reader.AtEnd()) {
    return WrongShape("partition");
  }
  return scope;
}

std::string EncodeLabel(std::string_view storage_key, const LabelRecord& record) {
  std::string out = NewRecord();
  PutFixed(&out, static_cast<std::uint8_t>(record.serves ? 1 : 0));
  PutFixed(&out, record.source);
  PutFixed(&out, static_cast<std::uint8_t>(record.alias ? 1 : 0));
  PutFixed(&out, record.principal);
  PutFixed(&out, record.created_us);
  PutFixed(&out, record.requests);
  PutFixed(&out, static_cast<std::uint8_t>(record.of_traffic ? 1 : 0));
  PutFixed(&out, record.frame_cosine);
  PutFixed(&out, record.frame_guards);
  PutFixed(&out, record.conflicts);
  PutFixed(&out, record.feature_set);
  for (const float feature : record.features) {
    PutFixed(&out, feature);
  }
  return Seal(storage_key, std::move(out));
}

Result<LabelRecord> DecodeLabel(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body, Unseal("label", storage_key, value));
  ByteReader reader(body);
  LabelRecord record;
  const auto serves = reader.Fixed<std::uint8_t>();
  record.source = reader.Fixed<std::uint8_t>();
  const auto alias = reader.Fixed<std::uint8_t>();
  record.principal = reader.Fixed<std::uint64_t>();
  record.created_us = reader.Fixed<std::int64_t>();
  record.requests = reader.Fixed<float>();
  const auto of_traffic = reader.Fixed<std::uint8_t>();
  record.frame_cosine = reader.Fixed<float>();
  record.frame_guards = reader.Fixed<std::uint32_t>();
  record.conflicts = reader.Fixed<std::uint32_t>();
  record.feature_set = reader.Fixed<std::uint64_t>();
  record.serves = serves == 1;
  record.alias = alias == 1;
  record.of_traffic = of_traffic == 1;
  if (!reader.ok() || serves > 1 || alias > 1 || of_traffic > 1 ||
      reader.remaining() % sizeof(float) != 0 || !(record.requests >= 0) ||
      !std::isfinite(record.requests) || !std::isfinite(record.frame_cosine)) {
    return WrongShape("label");
  }
  record.features.resize(reader.remaining() / sizeof(float));
  for (float& feature : record.features) {
    feature = reader.Fixed<float>();
    if (!std::isfinite(feature)) {
      return WrongShape("label");
    }
  }
  return record;
}

std::string EncodeIds(std::string_view storage_key, const std::vector<EntryId>& ids) {
  std::string out = NewRecord();
  for (const EntryId id : ids) {
    PutFixed(&out, id.value);
  }
  return Seal(storage_key, std::move(out));
}

Result<std::vector<EntryId>> DecodeIds(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body, Unseal("id list", storage_key, value));
  if (body.size() % sizeof(std::uint64_t) != 0) {
    return WrongShape("id list");
  }
  ByteReader reader(body);
  std::vector<EntryId> ids(body.size() / sizeof(std::uint64_t));
  for (EntryId& id : ids) {
    id.value = reader.Fixed<std::uint64_t>();
  }
  return ids;
}

}  // namespace nearhit
