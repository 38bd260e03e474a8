// The KvStore that persists: RocksDB, tuned for a cache. What is switched on, what is avoided and
// why: docs/decisions/0005.
//
// When the disk fails or is full, writes are refused with kUnavailable or kResourceExhausted and
// the reason, and reads go on. Writes and flushes then try to bring it back (write_gate.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "engine/storage/kv_store.h"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace nearhit {

struct RocksDbStoreOptions {
  std::filesystem::path path{};
  std::size_t block_cache_bytes = std::size_t{256} << 20;
  // Kept for starts and deletes on a full disk: room for what is in memory, which becomes tables
  // before anything is written again. 16 MiB were too few for that, 48 MiB enough.
  std::uint64_t ballast_bytes = std::uint64_t{64} << 20;
  std::function<void(LogLevel, const std::string&)> log{};
  std::shared_ptr<rocksdb::FileSystem> file_system{};  // null: the operating system's
};

// Errors: kFailedPrecondition when another process holds the directory, or its format is of another
// version; kDataLoss when the log or a manifest is damaged; kUnavailable for I/O errors.
Result<std::unique_ptr<KvStore>> OpenRocksDbStore(const RocksDbStoreOptions& options);

}  // namespace nearhit
