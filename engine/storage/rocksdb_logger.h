// RocksDB's remarks as lines of nearhit's log. A file of its own (LOG) would end the process on a
// full disk: a write after one that failed hits an assertion of Debian's build.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "nearhit/database.h"

namespace rocksdb {
class Logger;
}  // namespace rocksdb

namespace nearhit {

using RocksDbLog = std::function<void(LogLevel, const std::string&)>;

// Warnings and errors go to `log`, which may be empty, on any thread; the rest is dropped.
std::shared_ptr<rocksdb::Logger> NewRocksDbLogger(RocksDbLog log);

}  // namespace nearhit
