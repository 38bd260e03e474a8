// Backups that callers ask for by name.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "nearhit/database.h"
#include "nearhit/result.h"

namespace nearhit::server {

struct BackupPlace {
  std::filesystem::path directory{};  // of all backups; empty: they are refused
  // A file of the daemon that goes into them under its name, if it is there. Empty: none.
  std::filesystem::path extra{};
};

struct NamedBackup {
  std::filesystem::path directory{};
  BackupInfo info{};
};

// Thread-safety: thread-safe.
class BackupMaker {
 public:
  // `db` must outlive it.
  BackupMaker(Database* db, BackupPlace place) : db_(db), place_(std::move(place)) {}
  ~BackupMaker() = default;
  BackupMaker(const BackupMaker&) = delete;
  BackupMaker& operator=(const BackupMaker&) = delete;

  // Database::Backup to a directory of the place, which is made if it is not there.
  //
  // Errors: those of Database::Backup; kFailedPrecondition without a place; kInvalidArgument for a
  // name that is not like those of namespaces: it cannot lead elsewhere; kUnavailable while another
  // backup is made.
  Result<NamedBackup> Make(const std::string& name);

 private:
  Result<NamedBackup> MakeAlone(const std::string& name) NEARHIT_REQUIRES(busy_);

  Database* const db_;
  const BackupPlace place_;
  Mutex busy_;
};

}  // namespace nearhit::server
