// The vectors of a namespace as storage has them, for the index.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/storage/keys.h"
#include "engine/storage/kv_store.h"
#include "engine/storage/record.h"
#include "index/vector_index.h"

namespace nearhit {

// Reads full-precision vectors and remembers which could not be read, and which were not there.
//
// Thread-safety: owned by one thread.
class StoredVectors final : public VectorSource {
 public:
  StoredVectors(const KvStore* store, NamespaceNumber ns, ReadMode mode)
      : store_(store), ns_(ns), mode_(mode) {}

  bool Load(EntryId id, std::span<float> out) const override {
    const std::string key = EntryKey(ns_, id);
    Status read = store_->Get(Family::kVectors, key, mode_, &value_);
    if (read.ok()) {
      read = DecodeVector(key, value_, out);
    }
    if (read.code() == StatusCode::kNotFound) {
      missing_.push_back(id);
    } else if (read.code() == StatusCode::kUnavailable || read.code() == StatusCode::kWouldBlock) {
      unread_ = read;
      unread_.IgnoreError();  // asked for when the search is over
    } else if (read.code() == StatusCode::kDataLoss) {
      damaged_ = true;
    }
    return read.ok();
  }

  // Not OK once a vector was not read that may be in order.
  const Status& unread() const { return unread_; }
  bool damaged() const { return damaged_; }
  // Since the last BeginSearch().
  std::span<const EntryId> missing() const { return missing_; }
  void BeginSearch() { missing_.clear(); }

 private:
  const KvStore* const store_;
  const NamespaceNumber ns_;
  const ReadMode mode_;
  mutable std::string value_;
  mutable std::vector<EntryId> missing_;
  mutable Status unread_;
  mutable bool damaged_ = false;
};

}  // namespace nearhit
