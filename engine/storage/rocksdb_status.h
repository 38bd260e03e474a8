// RocksDB's statuses as nearhit's.
#pragma once

#include <rocksdb/status.h>

#include "nearhit/status.h"

namespace nearhit {

// RocksDB's messages name files and offsets, never keys or values.
Status FromRocksDb(const rocksdb::Status& status);

}  // namespace nearhit
