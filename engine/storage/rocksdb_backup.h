// A copy of a database that is open and written meanwhile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "nearhit/result.h"
#include "nearhit/stats.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
}  // namespace rocksdb

namespace nearhit {

struct BackupSource {
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> families{};  // by Family
  std::filesystem::path path{};
};

// KvStore::Backup. Everything that was written is in the log, which has been synced. One at a time
// for a database. `failures` counts the failures of its writes: one in the meantime fails the
// backup, because a log may then hold what was refused.
Result<BackupInfo> MakeBackup(const BackupSource& source, const std::filesystem::path& directory,
                              const std::function<std::uint64_t()>& failures);

}  // namespace nearhit
