// A store whose faults are told of: a full disk, a failing one.
#pragma once

#include <memory>

#include "base/fault_log.h"
#include "engine/storage/kv_store.h"

namespace nearhit {

// Hands every call to `store`. When writes or reads of it begin to fail, and when they work again,
// `sink` gets a line (base/fault_log.h). A value that is damaged is no fault of storage.
std::unique_ptr<KvStore> WatchStore(std::unique_ptr<KvStore> store, const FaultLog::Sink& sink);

}  // namespace nearhit
