// How RocksDB is tuned; why: docs/decisions/0005.
#pragma once

#include <memory>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include "engine/storage/kv_store.h"
#include "engine/storage/rocksdb_logger.h"

namespace nearhit {

rocksdb::Options TunedOptions(rocksdb::Env* env, const RocksDbLog& log);
rocksdb::ColumnFamilyOptions TunedFamily(Family family,
                                         const std::shared_ptr<rocksdb::Cache>& cache);
// All of them, in their order.
std::vector<rocksdb::ColumnFamilyDescriptor> TunedFamilies(
    const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace nearhit
