#include "engine/storage/memory_store.h"

#include <array>
#include <map>
#include <utility>

#include "base/mutex.h"

namespace nearhit {

namespace {

class MemoryStore final : public KvStore {
 public:
  Status Get(Family family, std::string_view key, ReadMode /*mode*/,
             std::string* value) const override {
    ReaderLock lock(&mu_);
    const auto found = MapOf(family).find(key);
    if (found == MapOf(family).end()) {
      return NotFound("key is not stored");
    }
    *value = found->second;
    return Status();
  }

  Status Write(const WriteBatch& batch, bool /*sync*/) override {
    WriterLock lock(&mu_);
    for (const WriteBatch::Operation& operation : batch.operations()) {
      Map& map = families_[static_cast<std::size_t>(operation.family)];
      if (operation.kind == WriteBatch::Kind::kPut) {
        map.insert_or_assign(operation.key, operation.value);
      } else {
        map.erase(operation.key);
      }
      ++sequence_;
    }
    return Status();
  }

  // Copies the range first: that is the consistent view, and `visit` may call the store.
  Status Scan(Family family, std::string_view begin, std::string_view end,
              const ScanOptions& options, const ScanVisitor& visit) const override {
    std::vector<std::pair<std::string, std::string>> range;
    {
      ReaderLock lock(&mu_);
      const Map& map = MapOf(family);
      const auto last = end.empty() ? map.end() : map.lower_bound(end);
      for (auto it = map.lower_bound(begin);
           it != last && it != map.end() && range.size() < options.limit; ++it) {
        range.emplace_back(it->first, it->second);
      }
    }
    for (const auto& [key, value] : range) {
      if (!visit(key, value)) {
        break;
      }
    }
    return Status();
  }

  Status DropPrefix(std::string_view prefix) override {
    WriterLock lock(&mu_);
    const std::string end = PrefixEnd(prefix);
    for (std::size_t i = 0; i < kFamilyCount; ++i) {
      Map& map = families_[i];
      if (static_cast<Family>(i) != Family::kMeta) {
        map.erase(map.lower_bound(prefix), end.empty() ? map.end() : map.lower_bound(end));
      }
    }
    return Status();
  }

  Status Flush() override { return Status(); }
  Result<BackupInfo> Backup(const std::filesystem::path& /*directory*/) override {
    return FailedPrecondition("a database in memory has no files to back up");
  }
  std::uint64_t LatestSequence() const override {
    ReaderLock lock(&mu_);
    return sequence_;
  }
  std::uint64_t lost_sequences() const override { return 0; }
  std::uint64_t DiskBytes() const override { return 0; }

 private:
  using Map = std::map<std::string, std::string, std::less<>>;

  const Map& MapOf(Family family) const NEARHIT_REQUIRES_SHARED(mu_) {
    return families_[static_cast<std::size_t>(family)];
  }

  mutable SharedMutex mu_;
  std::array<Map, kFamilyCount> families_ NEARHIT_GUARDED_BY(mu_);
  std::uint64_t sequence_ NEARHIT_GUARDED_BY(mu_) = 0;
};

}  // namespace

std::unique_ptr<KvStore> NewMemoryStore() {
  return std::make_unique<MemoryStore>();
}

}  // namespace nearhit
