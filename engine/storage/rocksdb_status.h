// RocksDB's statuses as nearhit's.
#pragma once

#include <rocksdb/status.h>

#include "nearhit/status.h"

namespace nearhit {

// RocksDB's messages name files and offsets, never keys or values.
Status FromRocksDb(const rocksdb::Status& status);

// Whether an open failed because another process, or this one, has the database open.
bool IsHeldLock(const rocksdb::Status& status);

}  // namespace nearhit
