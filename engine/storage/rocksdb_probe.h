// A look into a database that changes nothing.
#pragma once

#include <filesystem>
#include <string_view>

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace nearhit {

// Whether the database can be read and has no such row in the family kMeta. Reads its logs too.
bool LacksRow(rocksdb::Env* env, const std::filesystem::path& path, std::string_view key);

}  // namespace nearhit
