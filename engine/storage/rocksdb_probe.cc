#include "engine/storage/rocksdb_probe.h"

#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "engine/storage/rocksdb_options.h"

namespace nearhit {

bool LacksRow(rocksdb::Env* env, const std::filesystem::path& path, std::string_view key) {
  const std::vector<rocksdb::ColumnFamilyDescriptor> meta = {
      {rocksdb::kDefaultColumnFamilyName, TunedFamily(Family::kMeta, nullptr)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(TunedOptions(env, /*log=*/{}),
                                                              path.string(), meta, &handles, &db);
  if (!opened.ok()) {
    return false;
  }
  const std::unique_ptr<rocksdb::DB> owned(db);
  std::string value;
  const rocksdb::Status read =
      db->Get(rocksdb::ReadOptions(), handles[0], rocksdb::Slice(key.data(), key.size()), &value);
  db->DestroyColumnFamilyHandle(handles[0]).PermitUncheckedError();
  return read.IsNotFound();
}

}  // namespace nearhit
