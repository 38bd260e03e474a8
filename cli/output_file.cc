#include "cli/output_file.h"

#include <system_error>

namespace nearhit {

OutputFile::~OutputFile() {
  if (written_to_ != path_) {
    std::error_code ignored;
    std::filesystem::remove(written_to_, ignored);
  }
}

Status OutputFile::Open(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_type type = std::filesystem::status(path, error).type();
  const bool direct =
      type != std::filesystem::file_type::regular && type != std::filesystem::file_type::not_found;
  stream_.open(direct ? path : path + ".part", std::ios::trunc);
  if (!stream_) {
    return InvalidArgument(path + ": cannot be written");
  }
  path_ = path;
  written_to_ = direct ? path : path + ".part";
  return Status();
}

Status OutputFile::Commit() {
  stream_.close();
  if (!stream_) {
    return Internal("cannot write " + path_.string());
  }
  std::error_code error;
  if (written_to_ != path_) {
    std::filesystem::rename(written_to_, path_, error);
  }
  if (error) {
    return Internal("cannot rename " + written_to_.string() + ": " + error.message());
  }
  written_to_ = path_;
  return Status();
}

}  // namespace nearhit
