// The seam between the engine and what keeps bytes: ordered key-value families with atomic batches.
// Implementations: rocksdb_store.h (the real one), memory_store.h (same contract, for in-memory
// databases and for thread-sanitizer runs). One contract suite tests both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/options.h"
#include "nearhit/result.h"
#include "nearhit/stats.h"
#include "nearhit/types.h"

namespace nearhit {

// Column families, by purpose. The names of RocksDB's families follow these; see docs/formats.md.
enum class Family : std::uint8_t {
  kMeta = 0,        // database format, hash secret, id allocation, namespace catalogue
  kPartitions = 1,  // scope bytes of each partition
  kHeaders = 2,     // small fixed part of each entry: all that a start has to read
  kVectors = 3,     // full-precision vectors
  kPayloads = 4,    // slot text, metadata and answer; large values live in blob files
  kKeys = 5,        // exact tier: keyed hash -> ids; prefix bloom filters
  kTags = 6,        // tag -> ids
  kExpiry = 7,      // expiry time -> ids
  kLabels = 8,      // verdicts on pairs of prompts
};
inline constexpr std::size_t kFamilyCount = 9;

// Operations applied together or not at all, in order.
class WriteBatch {
 public:
  enum class Kind : std::uint8_t { kPut, kDelete };
  struct Operation {
    Kind kind;
    Family family;
    std::string key;
    std::string value;
  };

  void Put(Family family, std::string key, std::string value) {
    operations_.push_back({Kind::kPut, family, std::move(key), std::move(value)});
  }
  void Delete(Family family, std::string key) {
    operations_.push_back({Kind::kDelete, family, std::move(key), {}});
  }
  void Clear() { operations_.clear(); }
  bool empty() const { return operations_.empty(); }
  const std::vector<Operation>& operations() const { return operations_; }

 private:
  std::vector<Operation> operations_;
};

enum class ReadMode : std::uint8_t {
  kBlocking,     // waits for the disk where it has to
  kNonBlocking,  // kWouldBlock instead
};

struct ScanOptions {
  std::size_t limit = std::numeric_limits<std::size_t>::max();  // keys; scans of fewer cost less
  bool fill_cache = true;                                       // false for bulk scans
};
// Whether to go on.
using ScanVisitor = std::function<bool(std::string_view key, std::string_view value)>;

// Thread-safety: thread-safe.
class KvStore {
 public:
  virtual ~KvStore() = default;
  KvStore(const KvStore&) = delete;
  KvStore& operator=(const KvStore&) = delete;

  // Reads a value into `value` (its capacity is reused). kNotFound when there is none; kWouldBlock
  // under ReadMode::kNonBlocking when it would need the disk; kDataLoss when it is damaged.
  virtual Status Get(Family family, std::string_view key, ReadMode mode,
                     std::string* value) const = 0;

  // Applies the batch. With `sync` it is on the device before this returns; without, it is in the
  // operating system's hands (survives the death of the process). On error nothing of it is
  // visible.
  virtual Status Write(const WriteBatch& batch, bool sync) = 0;

  // Calls `visit` for each key in [begin, end) in ascending byte order, until it returns false or
  // has seen as many as it may. An empty `end` means to the last key. Sees a consistent view from
  // the time of the call; writes by `visit` are not seen. Views are valid during the call of
  // `visit`.
  virtual Status Scan(Family family, std::string_view begin, std::string_view end,
                      const ScanOptions& options, const ScanVisitor& visit) const = 0;

  // Removes every key that starts with `prefix` from every family but kMeta and frees their space.
  // Not atomic: may be repeated after a crash. Bounded memory.
  virtual Status DropPrefix(std::string_view prefix) = 0;

  // Makes every acknowledged write durable against a power cut and records the high-water mark.
  virtual Status Flush() = 0;

  // A copy that can be opened, as Database::Backup; `seconds` stays 0.
  virtual Result<BackupInfo> Backup(const std::filesystem::path& directory) = 0;

  virtual std::uint64_t LatestSequence() const = 0;
  // Sequences that the high-water mark had recorded as durable and that recovery did not find; 0 is
  // healthy.
  virtual std::uint64_t lost_sequences() const = 0;
  virtual std::uint64_t DiskBytes() const = 0;

 protected:
  KvStore() = default;
};

// First key after every key that starts with `prefix`; empty when there is none (all bytes 0xff).
std::string PrefixEnd(std::string_view prefix);

}  // namespace nearhit
