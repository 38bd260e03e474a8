// The KvStore that persists: RocksDB, tuned for a cache. No other product file includes RocksDB,
// but no_wait_env.cc. What is switched on, what is avoided and why: docs/decisions/0005.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

#include "engine/storage/kv_store.h"

namespace nearhit {

struct RocksDbStoreOptions {
  std::filesystem::path path{};
  std::size_t block_cache_bytes = std::size_t{256} << 20;
  std::function<void(LogLevel, const std::string&)> log{};
};

// Errors: kFailedPrecondition when another process holds the directory, or its format is of another
// version; kDataLoss when the log or a manifest is damaged; kUnavailable for I/O errors.
Result<std::unique_ptr<KvStore>> OpenRocksDbStore(const RocksDbStoreOptions& options);

}  // namespace nearhit
