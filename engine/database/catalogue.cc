#include "engine/database/catalogue.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/coding.h"
#include "engine/storage/envelope.h"
#include "nearhit/settings.h"

namespace nearhit {

namespace {

constexpr std::string_view kSecretKey = "secret";
constexpr std::string_view kNextNumberKey = "next_namespace";
constexpr std::string_view kNamespacePrefix = "namespace/";
constexpr std::string_view kReembeddingPrefix = "reembedding/";
constexpr std::string_view kDroppedPrefix = "dropped/";

constexpr std::string_view kKind = "catalogue";  // for messages

// Records of version 2 that end with an embedder end with the fields of local ones. Stored on disk;
// do not renumber. Written only where one of them is not the default: what needs no new field stays
// readable by builds that know none.
constexpr std::uint8_t kWithLocalFields = 2;
// A namespace record with the guards that are off, behind the fields of version 2. Written only
// where one is off.
constexpr std::uint8_t kWithGuards = 3;

bool HasLocalFields(const EmbedderSpec& spec) {
  const EmbedderSpec defaults;
  bool any = false;
  ForEachEmbedderField([&](const auto& field) {
    any = any || (field.kind == "local" && spec.*field.value != defaults.*field.value);
  });
  return any;
}

std::string NamespaceKey(std::string_view name) {
  return std::string(kNamespacePrefix) + std::string(name);
}
std::string ReembeddingKey(std::string_view name) {
  return std::string(kReembeddingPrefix) + std::string(name);
}
std::string DroppedKey(NamespaceNumber number) {
  return std::string(kDroppedPrefix) + std::to_string(number);
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

std::vector<NamespaceNumber> NumbersOf(const NamespaceRecord& record) {
  std::vector<NamespaceNumber> numbers = {record.number};
  if (record.reembedding) {
    numbers.push_back(record.reembedding->to);
  }
  return numbers;
}

}  // namespace

std::string EncodeNamespace(std::string_view storage_key, const NamespaceRecord& record) {
  const NamespaceConfig& config = record.config;
  const bool with_guards = config.guards_off != GuardSet();
  const bool with_local_fields = with_guards || HasLocalFields(config.embedder);
  std::string out = NewRecord(with_guards         ? kWithGuards
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
  ForEachSetting([&](const auto& setting) { PutFixed(&out, config.*setting.value); });
  PutEmbedder(&out, config.embedder, with_local_fields);
  if (with_guards) {
    PutFixed(&out, config.guards_off.bits());
  }
  return Seal(storage_key, std::move(out));
}

Result<NamespaceRecord> DecodeNamespace(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body,
                           Unseal(kKind, storage_key, value, kWithGuards));
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
  ForEachSetting([&]<typename T>(const NamespaceSetting<T>& setting) {
    config.*setting.value = reader.Fixed<T>();
  });
  config.embedder = ReadEmbedder(&reader, with_local_fields);
  if (version == kWithGuards) {
    config.guards_off = GuardSet(reader.Fixed<std::uint32_t>());
  }
  if (!reader.AtEnd() ||
      (version == kWithGuards ? config.guards_off == GuardSet()
                              : with_local_fields != HasLocalFields(config.embedder)) ||
      config.guards_off.Without(GuardSet::All()) != GuardSet() ||
      config.kind > NamespaceKind::kVectors || config.metric > Metric::kL2 ||
      config.durability > Durability::kSync || config.dimension > kMaxDimension) {
    return DataLoss("namespace record has the wrong shape");
  }
  return record;
}

std::string EncodeReembedding(std::string_view storage_key, const PendingReembedding& change) {
  std::string out = NewRecord(HasLocalFields(change.embedder) ? kWithLocalFields : kRecordVersion);
  PutFixed(&out, change.from);
  PutFixed(&out, change.to);
  PutFixed(&out, change.dimension);
  PutBytes(&out, change.identity);
  PutFixed(&out, static_cast<std::uint8_t>(change.threshold ? 1 : 0));
  if (change.threshold) {
    PutFixed(&out, *change.threshold);
  }
  PutEmbedder(&out, change.embedder, HasLocalFields(change.embedder));
  return Seal(storage_key, std::move(out));
}

Result<PendingReembedding> DecodeReembedding(std::string_view storage_key, std::string_view value) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view body,
                           Unseal(kKind, storage_key, value, kWithLocalFields));
  const bool with_local_fields = static_cast<std::uint8_t>(value.front()) == kWithLocalFields;
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
  change.embedder = ReadEmbedder(&reader, with_local_fields);
  if (!reader.AtEnd() || with_local_fields != HasLocalFields(change.embedder) ||
      has_threshold > 1 || change.from == change.to || change.dimension == 0 ||
      change.dimension > kMaxDimension) {
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

Result<Catalogue> Catalogue::Load(KvStore* store) {
  Catalogue catalogue(store);
  NEARHIT_RETURN_IF_ERROR(catalogue.LoadSecret());
  NEARHIT_RETURN_IF_ERROR(catalogue.LoadNamespaces());
  NEARHIT_RETURN_IF_ERROR(catalogue.LoadReembeddings());
  return catalogue;
}

Status Catalogue::LoadSecret() {
  std::string value;
  const Status read = store_->Get(Family::kMeta, kSecretKey, ReadMode::kBlocking, &value);
  if (read.code() == StatusCode::kNotFound) {
    secret_ = MakeHashSecret();
    WriteBatch batch;
    batch.Put(Family::kMeta, std::string(kSecretKey), EncodeSecret(kSecretKey, secret_));
    return store_->Write(batch, /*sync=*/true);
  }
  NEARHIT_RETURN_IF_ERROR(read);
  NEARHIT_ASSIGN_OR_RETURN(secret_, DecodeSecret(kSecretKey, value));
  return Status();
}

Status Catalogue::LoadNamespaces() {
  std::string value;
  Status read = store_->Get(Family::kMeta, kNextNumberKey, ReadMode::kBlocking, &value);
  if (read.ok()) {
    NEARHIT_ASSIGN_OR_RETURN(next_number_, DecodeNextNumber(kNextNumberKey, value));
  } else if (read.code() != StatusCode::kNotFound) {
    return read;
  }
  Status damaged;
  NEARHIT_RETURN_IF_ERROR(
      store_->Scan(Family::kMeta, kNamespacePrefix, PrefixEnd(kNamespacePrefix), {},
                   [this, &damaged](std::string_view key, std::string_view bytes) {
                     Result<NamespaceRecord> record = DecodeNamespace(key, bytes);
                     if (!record.ok()) {
                       damaged = std::move(record).status();
                       return false;
                     }
                     namespaces_.push_back(*std::move(record));
                     return true;
                   }));
  NEARHIT_RETURN_IF_ERROR(damaged);
  return store_->Scan(
      Family::kMeta, kDroppedPrefix, PrefixEnd(kDroppedPrefix), {},
      [this](std::string_view key, std::string_view) {
        const std::string digits(key.substr(kDroppedPrefix.size()));
        dropped_.push_back(static_cast<NamespaceNumber>(std::strtoul(digits.c_str(), nullptr, 10)));
        return true;
      });
}

// A change whose namespace is gone or has other contents by now was left by a build that does not
// know of such changes: what it gathered is dropped.
Status Catalogue::LoadReembeddings() {
  WriteBatch stale;
  Status damaged;
  const auto visit = [&](std::string_view key, std::string_view value) {
    Result<PendingReembedding> change = DecodeReembedding(key, value);
    if (!change.ok()) {
      damaged = std::move(change).status();
      return false;
    }
    const std::string_view name = key.substr(kReembeddingPrefix.size());
    const auto found =
        std::find_if(namespaces_.begin(), namespaces_.end(),
                     [name](const NamespaceRecord& record) { return record.name == name; });
    if (found != namespaces_.end() && found->number == change->from) {
      found->reembedding = *std::move(change);
      return true;
    }
    stale.Delete(Family::kMeta, std::string(key));
    if (std::none_of(
            namespaces_.begin(), namespaces_.end(),
            [&change](const NamespaceRecord& record) { return record.number == change->to; })) {
      stale.Put(Family::kMeta, DroppedKey(change->to), {});
      dropped_.push_back(change->to);
    }
    return true;
  };
  NEARHIT_RETURN_IF_ERROR(
      store_->Scan(Family::kMeta, kReembeddingPrefix, PrefixEnd(kReembeddingPrefix), {}, visit));
  NEARHIT_RETURN_IF_ERROR(damaged);
  return stale.empty() ? Status() : store_->Write(stale, /*sync=*/true);
}

const NamespaceRecord* Catalogue::Find(std::string_view name) const {
  const auto found =
      std::find_if(namespaces_.begin(), namespaces_.end(),
                   [name](const NamespaceRecord& record) { return record.name == name; });
  return found == namespaces_.end() ? nullptr : &*found;
}

Status Catalogue::Put(const NamespaceRecord& record) {
  const auto found =
      std::find_if(namespaces_.begin(), namespaces_.end(),
                   [&record](const NamespaceRecord& other) { return other.name == record.name; });
  const bool is_new = found == namespaces_.end();
  const std::vector<NamespaceNumber> numbers = NumbersOf(record);
  WriteBatch batch;
  const std::string key = NamespaceKey(record.name);
  batch.Put(Family::kMeta, key, EncodeNamespace(key, record));
  const std::string change_key = ReembeddingKey(record.name);
  if (record.reembedding) {
    batch.Put(Family::kMeta, change_key, EncodeReembedding(change_key, *record.reembedding));
  } else if (!is_new && found->reembedding) {
    batch.Delete(Family::kMeta, change_key);
  }
  const NamespaceNumber next =
      std::max(next_number_, *std::max_element(numbers.begin(), numbers.end()) + 1);
  batch.Put(Family::kMeta, std::string(kNextNumberKey), EncodeNextNumber(kNextNumberKey, next));
  std::vector<NamespaceNumber> left;
  for (const NamespaceNumber number : is_new ? std::vector<NamespaceNumber>() : NumbersOf(*found)) {
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) {
      left.push_back(number);
      batch.Put(Family::kMeta, DroppedKey(number), {});
    }
  }
  NEARHIT_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/true));
  next_number_ = next;
  dropped_.insert(dropped_.end(), left.begin(), left.end());
  if (!is_new) {
    *found = record;
    return Status();
  }
  namespaces_.insert(std::upper_bound(namespaces_.begin(), namespaces_.end(), record,
                                      [](const NamespaceRecord& a, const NamespaceRecord& b) {
                                        return a.name < b.name;
                                      }),
                     record);
  return Status();
}

Status Catalogue::Remove(std::string_view name) {
  const auto found =
      std::find_if(namespaces_.begin(), namespaces_.end(),
                   [name](const NamespaceRecord& record) { return record.name == name; });
  if (found == namespaces_.end()) {
    return NotFound("namespace is not there");
  }
  const std::vector<NamespaceNumber> numbers = NumbersOf(*found);
  WriteBatch batch;
  batch.Delete(Family::kMeta, NamespaceKey(name));
  batch.Delete(Family::kMeta, ReembeddingKey(name));
  for (const NamespaceNumber number : numbers) {
    batch.Put(Family::kMeta, DroppedKey(number), {});
  }
  NEARHIT_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/true));
  dropped_.insert(dropped_.end(), numbers.begin(), numbers.end());
  namespaces_.erase(found);
  return Status();
}

Status Catalogue::FinishDrop(NamespaceNumber number) {
  WriteBatch batch;
  batch.Delete(Family::kMeta, DroppedKey(number));
  NEARHIT_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/false));
  std::erase(dropped_, number);
  return Status();
}

}  // namespace nearhit
