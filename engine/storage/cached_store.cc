#include "engine/storage/cached_store.h"

#include <string>
#include <utility>

#include "engine/storage/hot_rows.h"

namespace nearhit {

namespace {

// What a hit reads.
bool IsHot(Family family) {
  return family == Family::kPayloads || family == Family::kVectors;
}

class CachedStore final : public KvStore {
 public:
  CachedStore(std::unique_ptr<KvStore> store, std::size_t max_bytes)
      : store_(std::move(store)), rows_(max_bytes) {}

  Status Get(Family family, std::string_view key, ReadMode mode,
             std::string* value) const override {
    if (!IsHot(family)) {
      return store_->Get(family, key, mode, value);
    }
    HotRows::Ticket ticket = 0;
    if (rows_.Find(family, key, value, &ticket)) {
      return Status();
    }
    NEARHIT_RETURN_IF_ERROR(store_->Get(family, key, mode, value));
    rows_.Offer(ticket, family, key, *value);
    return Status();
  }

  Status Write(const WriteBatch& batch, bool sync) override {
    Status written = store_->Write(batch, sync);
    for (const WriteBatch::Operation& operation : batch.operations()) {
      if (IsHot(operation.family)) {
        rows_.Erase(operation.family, operation.key);
      }
    }
    return written;
  }

  Status Scan(Family family, std::string_view begin, std::string_view end,
              const ScanOptions& options, const ScanVisitor& visit) const override {
    return store_->Scan(family, begin, end, options, visit);
  }

  Status DropPrefix(std::string_view prefix) override {
    Status dropped = store_->DropPrefix(prefix);
    rows_.ErasePrefix(prefix);
    return dropped;
  }

  Status Flush() override { return store_->Flush(); }
  Result<BackupInfo> Backup(const std::filesystem::path& directory) override {
    return store_->Backup(directory);
  }
  std::uint64_t LatestSequence() const override { return store_->LatestSequence(); }
  std::uint64_t lost_sequences() const override { return store_->lost_sequences(); }
  std::uint64_t DiskBytes() const override { return store_->DiskBytes(); }

 private:
  const std::unique_ptr<KvStore> store_;
  mutable HotRows rows_;
};

}  // namespace

std::unique_ptr<KvStore> CacheRows(std::unique_ptr<KvStore> store, std::size_t max_bytes) {
  return std::make_unique<CachedStore>(std::move(store), max_bytes);
}

}  // namespace nearhit
