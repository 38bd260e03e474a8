// A database that is gone after the measurement.
#pragma once

#include <filesystem>
#include <memory>

#include "nearhit/database.h"
#include "nearhit/result.h"

namespace nearhit::bench {

// Owns a database, in memory or in a temporary directory that is removed with it. Maintenance runs
// when the owner says so.
class ScratchDatabase {
 public:
  // Errors: those of Database::Open; kUnavailable when no directory can be made.
  static Result<std::unique_ptr<ScratchDatabase>> Open(bool on_disk);
  ~ScratchDatabase();
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;

  Database& db() { return *db_; }

 private:
  ScratchDatabase() = default;

  std::filesystem::path directory_;  // empty: in memory
  std::unique_ptr<Database> db_;
};

}  // namespace nearhit::bench
