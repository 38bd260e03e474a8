// A store that hands every call to another one, for tests that change or count some of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/storage/kv_store.h"
#include "engine/storage/memory_store.h"

namespace nearhit {

class ForwardingStore : public KvStore {
 public:
  explicit ForwardingStore(std::unique_ptr<KvStore> store) : store_(std::move(store)) {}

  Status Get(Family family, std::string_view key, ReadMode mode,
             std::string* value) const override {
    return store_->Get(family, key, mode, value);
  }
  Status Write(const WriteBatch& batch, bool sync) override { return store_->Write(batch, sync); }
  Status Scan(Family family, std::string_view begin, std::string_view end,
              const ScanOptions& options, const ScanVisitor& visit) const override {
    return store_->Scan(family, begin, end, options, visit);
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
  const std::unique_ptr<KvStore> store_;
};

// In memory; writes fail while the test says so.
//
// Thread-safety: externally synchronized.
class FailingStore final : public ForwardingStore {
 public:
  FailingStore() : ForwardingStore(NewMemoryStore()) {}

  Status Write(const WriteBatch& batch, bool sync) override {
    if (fail_writes_) {
      return Unavailable("the disk is full");
    }
    synced_writes_ += sync ? 1U : 0U;
    return ForwardingStore::Write(batch, sync);
  }

  void FailWrites(bool fail) { fail_writes_ = fail; }
  std::size_t synced_writes() const { return synced_writes_; }

 private:
  bool fail_writes_ = false;
  std::size_t synced_writes_ = 0;
};

// In memory; lets a test act while another call is under way. An action does not run again within
// itself.
//
// Thread-safety: externally synchronized.
class InterruptedStore final : public ForwardingStore {
 public:
  using Action = std::function<void()>;
  InterruptedStore() : ForwardingStore(NewMemoryStore()) {}

  Status Get(Family family, std::string_view key, ReadMode mode,
             std::string* value) const override {
    if (family == get_family_) {
      Run(before_get_);
    }
    return ForwardingStore::Get(family, key, mode, value);
  }
  Status Write(const WriteBatch& batch, bool sync) override {
    Run(before_write_);
    Status written =
        fail_writes_ ? Unavailable("the disk is full") : ForwardingStore::Write(batch, sync);
    Run(after_write_);
    return written;
  }

  // Before a batch takes effect, and between that and what follows.
  void BeforeWrites(Action action) { before_write_ = std::move(action); }
  void AfterWrites(Action action) { after_write_ = std::move(action); }
  // Before a row of the family is read.
  void BeforeGets(Family family, Action action) {
    get_family_ = family;
    before_get_ = std::move(action);
  }
  void FailWrites(bool fail) { fail_writes_ = fail; }

 private:
  void Run(const Action& action) const {
    if (action != nullptr && !running_) {
      running_ = true;
      action();
      running_ = false;
    }
  }

  Action before_write_;
  Action after_write_;
  Action before_get_;
  Family get_family_ = Family::kMeta;
  bool fail_writes_ = false;
  mutable bool running_ = false;
};

}  // namespace nearhit
