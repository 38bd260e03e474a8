#include "server/core/backup.h"

#include <cerrno>
#include <sys/stat.h>
#include <system_error>
#include <utility>

#include "base/file.h"

namespace nearhit::server {

namespace {

constexpr std::size_t kMaxExtraBytes = std::size_t{1} << 20;

Status CopyExtra(const std::filesystem::path& extra, const std::filesystem::path& backup,
                 BackupInfo* info) {
  if (extra.empty()) {
    return Status();
  }
  const Result<std::string> bytes = ReadWholeFile(extra, kMaxExtraBytes);
  if (bytes.status().code() == StatusCode::kNotFound) {
    return Status();
  }
  NEARHIT_RETURN_IF_ERROR(bytes.status());
  ++info->files;
  info->bytes += bytes->size();
  return WriteFileAtomically(backup / extra.filename(), *bytes);
}

}  // namespace

Result<NamedBackup> BackupMaker::Make(const std::string& name) {
  if (place_.directory.empty()) {
    return FailedPrecondition("storage.backup_dir is not set in the server's configuration");
  }
  if (!Database::CheckNamespace(name, {}).ok()) {
    return InvalidArgument("the name of a backup must have 1 to " +
                           std::to_string(kMaxNamespaceNameBytes) +
                           " of the characters a-z 0-9 _ - . and begin with a letter or a digit");
  }
  if (!busy_.TryLock()) {  // and not wait: that would take one worker after the other
    return Unavailable("another backup is being made");
  }
  Result<NamedBackup> made = MakeAlone(name);
  busy_.Unlock();
  return made;
}

Result<NamedBackup> BackupMaker::MakeAlone(const std::string& name) {
  if (::mkdir(place_.directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return Unavailable("cannot create " + place_.directory.string() + ": " +
                       std::generic_category().message(errno));
  }
  NamedBackup made{.directory = place_.directory / name};
  // No name of a caller is like that.
  const std::filesystem::path unfinished = place_.directory / ("." + name + ".unfinished");
  std::error_code error;
  if (std::filesystem::symlink_status(made.directory, error).type() !=
      std::filesystem::file_type::not_found) {
    return AlreadyExists(made.directory.string() + " exists");
  }
  std::filesystem::remove_all(unfinished, error);  // left by a crash
  NEARHIT_ASSIGN_OR_RETURN(made.info, db_->Backup(unfinished));
  Status finished = CopyExtra(place_.extra, unfinished, &made.info);
  if (finished.ok() && ::rename(unfinished.c_str(), made.directory.c_str()) != 0) {
    finished = Unavailable("cannot rename " + unfinished.string() + ": " +
                           std::generic_category().message(errno));
  }
  if (!finished.ok()) {
    std::filesystem::remove_all(unfinished, error);
    return finished;
  }
  return made;
}

}  // namespace nearhit::server
