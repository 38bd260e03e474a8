#include "engine/storage/rocksdb_status.h"

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

}  // namespace nearhit
