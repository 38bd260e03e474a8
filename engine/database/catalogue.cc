#include "engine/database/catalogue.h"

#include <algorithm>
#include <utility>

namespace nearhit {

namespace {

constexpr std::string_view kSecretKey = "secret";
constexpr std::string_view kNextNumberKey = "next_namespace";
constexpr std::string_view kNamespacePrefix = "namespace/";
constexpr std::string_view kReembeddingPrefix = "reembedding/";
constexpr std::string_view kDroppedPrefix = "dropped/";

std::string NamespaceKey(std::string_view name) {
  return std::string(kNamespacePrefix) + std::string(name);
}
std::string ReembeddingKey(std::string_view name) {
  return std::string(kReembeddingPrefix) + std::string(name);
}
std::string DroppedKey(NamespaceNumber number) {
  return std::string(kDroppedPrefix) + std::to_string(number);
}

std::vector<NamespaceNumber> NumbersOf(const NamespaceRecord& record) {
  std::vector<NamespaceNumber> numbers = {record.number};
  if (record.reembedding) {
    numbers.push_back(record.reembedding->to);
  }
  return numbers;
}

}  // namespace

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
