#include <cstring>
#include <utility>

#include "base/coding.h"
#include "engine/database/catalogue.h"
#include "engine/storage/envelope.h"
#include "nearhit/settings.h"

namespace nearhit {

namespace {

constexpr std::string_view kKind = "catalogue";  // for messages

// Records of version 2 that end with an embedder end with the fields of local ones. Stored on disk;
// do not renumber. Written only where one of them is not the default: what needs no new field stays
// readable by builds that know none.
constexpr std::uint8_t kWithLocalFields = 2;
// A namespace record with the settings of its serving policy, behind the fields of version 2.
// Written only where one of them is not the default.
constexpr std::uint8_t kWithPolicy = 3;

// A namespace record with the number that keys are hashed with, behind the fields of version 3, and
// a re-embedding record with it at the end. Written only where it is not the number of the
// contents.
constexpr std::uint8_t kWithKeyNumber = 4;
constexpr std::uint8_t kReembeddingWithKeyNumber = 3;

bool HasPolicy(const NamespaceConfig& config) {
  return config.guards_off != GuardSet() || config.max_error != 0;
}

bool HasLocalFields(const EmbedderSpec& spec) {
  const EmbedderSpec defaults;
  bool any = false;
  ForEachEmbedderField([&](const auto& field) {
    any = any || (field.kind == "local" && spec.*field.value != defaults.*field.value);
  });
  return any;
}

void PutField(std::string* out, const std::string& value) {
  PutBytes(out, value);
}
void PutField(std::string* out, std::chrono::milliseconds value) {
  PutFixed(out, static_cast<std::int64_t>(value.count()));
}
void PutField(std::string* out, std::size_t value) {
  PutFixed(out, static_cast<std::uint64_t>(value));
}
void PutField(std::string* out, int value) {
  PutFixed(out, static_cast<std::int32_t>(value));
}

void ReadField(ByteReader* reader, std::string* value) {
  *value = reader->Bytes();
}
void ReadField(ByteReader* reader, std::chrono::milliseconds* value) {
  *value = std::chrono::milliseconds(reader->Fixed<std::int64_t>());
}
void ReadField(ByteReader* reader, std::size_t* value) {
  *value = reader->Fixed<std::uint64_t>();
}
void ReadField(ByteReader* reader, int* value) {
  *value = reader->Fixed<std::int32_t>();
}

void PutEmbedder(std::string* out, const EmbedderSpec& spec, bool with_local_fields) {
  ForEachEmbedderField([&](const auto& field) {
    if (with_local_fields || field.kind != "local") {
      PutField(out, spec.*field.value);
    }
  });
}

EmbedderSpec ReadEmbedder(ByteReader* reader, bool with_local_fields) {
  EmbedderSpec spec;
  ForEachEmbedderField([&](const auto& field) {
    if (with_local_fields || field.kind != "local") {
      ReadField(reader, &(spec.*field.value));
    }
  });
  return spec;
}

}  // namespace

std::string EncodeNamespace(std::string_view storage_key, const NamespaceRecord& record) {
  const NamespaceConfig& config = record.config;
  const bool with_key_number = record.key_number != record.number;
  const bool with_policy = with_key_number || HasPolicy(config);
  const bool with_local_fields = with_policy || HasLocalFields(config.embedder);
  std::string out = NewRecord(with_key_number     ? kWithKeyNumber
                              : with_policy       ? kWithPolicy
                              : with_local_fields ? kWithLocalFields
                                                  : kRecordVersion);
  PutBytes(&out, record.name);
  PutFixed(&out, record.number);
  PutFixed(&out, record.created_us);
  PutBytes(&out, record.embedder_identity);
  PutFixed(&out, config.kind);
  PutFixed(&out, config.metric);
  PutFixed(&out, config.durability);
  PutFixed(&out, config.dimension);
  const auto put_since = [&](int version) {
    ForEachSetting([&](const auto& setting) {
      if (setting.since_version == version) {
        PutFixed(&out, config.*setting.value);
      }
    });
  };
  put_since(kRecordVersion);
  PutEmbedder(&out, config.embedder, with_local_fields);
  if (with_policy) {
    put_since(kWithPolicy);
    PutFixed(&out, config.guards_off.bits());
  }
  if (with_key_number) {
    PutFixed(&out, record.key_number);
  }
  return Seal(storage_key, std::move(out));
}

Result<NamespaceRecord> DecodeNamespace(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body,
                           Unseal(kKind, storage_key, value, kWithKeyNumber));
  const auto version = static_cast<std::uint8_t>(value.front());
  const bool with_local_fields = version >= kWithLocalFields;
  ByteReader reader(body);
  NamespaceRecord record;
  NamespaceConfig& config = record.config;
  record.name = reader.Bytes();
  record.number = reader.Fixed<NamespaceNumber>();
  record.created_us = reader.Fixed<std::int64_t>();
  record.embedder_identity = reader.Bytes();
  config.kind = reader.Fixed<NamespaceKind>();
  config.metric = reader.Fixed<Metric>();
  config.durability = reader.Fixed<Durability>();
  config.dimension = reader.Fixed<std::uint32_t>();
  const auto read_since = [&](int since) {
    ForEachSetting([&]<typename T>(const NamespaceSetting<T>& setting) {
      if (setting.since_version == since) {
        config.*setting.value = reader.Fixed<T>();
      }
    });
  };
  read_since(kRecordVersion);
  config.embedder = ReadEmbedder(&reader, with_local_fields);
  if (version >= kWithPolicy) {
    read_since(kWithPolicy);
    config.guards_off = GuardSet(reader.Fixed<std::uint32_t>());
  }
  record.key_number = version == kWithKeyNumber ? reader.Fixed<NamespaceNumber>() : record.number;
  const bool needs_version = version == kWithKeyNumber ? record.key_number != record.number
                             : version == kWithPolicy
                                 ? HasPolicy(config)
                                 : with_local_fields == HasLocalFields(config.embedder);
  if (!reader.AtEnd() || !needs_version ||
      config.guards_off.Without(GuardSet::All()) != GuardSet() ||
      config.kind > NamespaceKind::kVectors || config.metric > Metric::kL2 ||
      config.durability > Durability::kSync || config.dimension > kMaxDimension) {
    return DataLoss("namespace record has the wrong shape");
  }
  return record;
}

std::string EncodeReembedding(std::string_view storage_key, const PendingReembedding& change) {
  const bool with_key_number = change.key_number != change.to;
  const bool with_local_fields = with_key_number || HasLocalFields(change.embedder);
  std::string out = NewRecord(with_key_number     ? kReembeddingWithKeyNumber
                              : with_local_fields ? kWithLocalFields
                                                  : kRecordVersion);
  PutFixed(&out, change.from);
  PutFixed(&out, change.to);
  PutFixed(&out, change.dimension);
  PutBytes(&out, change.identity);
  PutFixed(&out, static_cast<std::uint8_t>(change.threshold ? 1 : 0));
  if (change.threshold) {
    PutFixed(&out, *change.threshold);
  }
  PutEmbedder(&out, change.embedder, with_local_fields);
  if (with_key_number) {
    PutFixed(&out, change.key_number);
  }
  return Seal(storage_key, std::move(out));
}

Result<PendingReembedding> DecodeReembedding(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body,
                           Unseal(kKind, storage_key, value, kReembeddingWithKeyNumber));
  const auto version = static_cast<std::uint8_t>(value.front());
  ByteReader reader(body);
  PendingReembedding change;
  change.from = reader.Fixed<NamespaceNumber>();
  change.to = reader.Fixed<NamespaceNumber>();
  change.dimension = reader.Fixed<std::uint32_t>();
  change.identity = reader.Bytes();
  const auto has_threshold = reader.Fixed<std::uint8_t>();
  if (has_threshold == 1) {
    change.threshold = reader.Fixed<float>();
  }
  change.embedder = ReadEmbedder(&reader, version >= kWithLocalFields);
  change.key_number =
      version == kReembeddingWithKeyNumber ? reader.Fixed<NamespaceNumber>() : change.to;
  const bool needs_version = version == kReembeddingWithKeyNumber
                                 ? change.key_number != change.to
                                 : (version == kWithLocalFields) == HasLocalFields(change.embedder);
  if (!reader.AtEnd() || !needs_version || has_threshold > 1 || change.from == change.to ||
      change.dimension == 0 || change.dimension > kMaxDimension) {
    return DataLoss("re-embedding record has the wrong shape");
  }
  return change;
}

std::string EncodeSecret(std::string_view storage_key, const HashSecret& secret) {
  std::string out = NewRecord();
  out.append(reinterpret_cast<const char*>(secret.data()), secret.size());
  return Seal(storage_key, std::move(out));
}

Result<HashSecret> DecodeSecret(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body, Unseal(kKind, storage_key, value));
  HashSecret secret{};
  if (body.size() != secret.size()) {
    return DataLoss("hash secret has " + std::to_string(body.size()) + " bytes, not " +
                    std::to_string(secret.size()));
  }
  std::memcpy(secret.data(), body.data(), body.size());
  return secret;
}

std::string EncodeNextNumber(std::string_view storage_key, NamespaceNumber next) {
  std::string out = NewRecord();
  PutFixed(&out, next);
  return Seal(storage_key, std::move(out));
}

Result<NamespaceNumber> DecodeNextNumber(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body, Unseal(kKind, storage_key, value));
  ByteReader reader(body);
  const auto next = reader.Fixed<NamespaceNumber>();
  if (!reader.AtEnd()) {
    return DataLoss("next namespace number has the wrong shape");
  }
  return next;
}
}  // namespace nearhit
