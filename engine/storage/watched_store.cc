#include "engine/storage/watched_store.h"

#include <string>
#include <utility>

namespace nearhit {

namespace {

bool IsFault(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kResourceExhausted;
}

class WatchedStore final : public KvStore {
 public:
  WatchedStore(std::unique_ptr<KvStore> store, const FaultLog::Sink& sink)
      : store_(std::move(store)),
        writes_("writing to storage", sink),
        reads_("reading storage", sink) {}

  Status Get(Family family, std::string_view key, ReadMode mode,
             std::string* value) const override {
    Status status = store_->Get(family, key, mode, value);
    if (mode == ReadMode::kBlocking) {
      NoteRead(status);
    }
    return status;
  }

  Status Write(const WriteBatch& batch, bool sync) override {
    Status status = store_->Write(batch, sync);
    if (status.ok() || IsFault(status)) {
      writes_.Note(status);
    }
    return status;
  }

  Status Scan(Family family, std::string_view begin, std::string_view end,
              const ScanOptions& options, const ScanVisitor& visit) const override {
    Status status = store_->Scan(family, begin, end, options, visit);
    NoteRead(status);
    return status;
  }

  Status DropPrefix(std::string_view prefix) override { return store_->DropPrefix(prefix); }
  Status Flush() override { return store_->Flush(); }
  Result<BackupInfo> Backup(const std::filesystem::path& directory) override {
    return store_->Backup(directory);
  }
  std::uint64_t LatestSequence() const override { return store_->LatestSequence(); }
  std::uint64_t lost_sequences() const override { return store_->lost_sequences(); }
  std::uint64_t DiskBytes() const override { return store_->DiskBytes(); }

 private:
  void NoteRead(const Status& status) const {
    if (status.ok() || IsFault(status)) {
      reads_.Note(status);
    }
  }

  const std::unique_ptr<KvStore> store_;
  FaultLog writes_;
  mutable FaultLog reads_;
};

}  // namespace

std::unique_ptr<KvStore> WatchStore(std::unique_ptr<KvStore> store, const FaultLog::Sink& sink) {
  return std::make_unique<WatchedStore>(std::move(store), sink);
}

}  // namespace nearhit
