#include "cli/output_file.h"

#include <cstdlib>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace nearhit {

namespace {

// Of a file that is made without asking for any.
std::filesystem::perms DefaultPermissions() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return static_cast<std::filesystem::perms>(0666 & ~mask);
}

// Nothing when there is to be none, or none can be made.
std::filesystem::path MakeBeside(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::symlink_status(path, error);
  const bool is_new = status.type() == std::filesystem::file_type::not_found;
  if (!is_new && status.type() != std::filesystem::file_type::regular) {
    return {};
  }
  std::string name = path.string() + ".XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) {
    return {};
  }
  ::close(fd);
  std::filesystem::permissions(name, is_new ? DefaultPermissions() : status.permissions(), error);
  return name;
}

}  // namespace

OutputFile::~OutputFile() {
  if (!beside_.empty()) {
    std::error_code ignored;
    std::filesystem::remove(beside_, ignored);
  }
}

Status OutputFile::Open(const std::string& path) {
  path_ = path;
  beside_ = MakeBeside(path_);
  stream_.open(beside_.empty() ? path_ : beside_, std::ios::trunc);
  return stream_ ? Status() : InvalidArgument(path + ": cannot be written");
}

Status OutputFile::Commit() {
  stream_.close();
  if (!stream_) {
    return Internal("cannot write " + path_.string());
  }
  if (!beside_.empty()) {
    std::error_code error;
    std::filesystem::rename(beside_, path_, error);
    if (error) {
      return Internal("cannot rename " + beside_.string() + ": " + error.message());
    }
    beside_.clear();
  }
  return Status();
}

}  // namespace nearhit
