#include "engine/storage/rocksdb_status.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace nearhit {

Status FromRocksDb(const rocksdb::Status& status) {
  if (status.ok()) {
    return Status();
  }
  if (status.IsNotFound()) {
    return NotFound("key is not stored");
  }
  if (status.IsTimedOut()) {
    return WouldBlock("the value is not in memory");
  }
  if (status.IsCorruption()) {
    return DataLoss("storage is damaged: " + status.ToString());
  }
  if (status.IsNoSpace()) {
    return ResourceExhausted("storage has no space left");
  }
  if (status.IsIOError() || status.IsBusy() || status.IsTryAgain()) {
    return Unavailable("storage failed: " + status.ToString());
  }
  return Internal("storage refused a call: " + status.ToString());
}

// RocksDB has no code of its own for it.
bool IsHeldLock(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  const auto ends_in = [&text](int error) {
    return text.ends_with(std::generic_category().message(error));
  };
  return text.starts_with("IO error: lock hold by current process") ||
         (text.starts_with("IO error: While lock file: ") && (ends_in(EAGAIN) || ends_in(EACCES)));
}

}  // namespace nearhit
