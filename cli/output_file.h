// A file that a command writes: under its name only once it is whole.
#pragma once

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

#include "nearhit/result.h"

namespace nearhit {

// Writes to "<path>.part" and renames that, so that what was under the path before stays until the
// new contents are there. What is no regular file (a pipe, /dev/stdout) is written to directly.
class OutputFile {
 public:
  OutputFile() = default;
  ~OutputFile();  // removes what was not committed
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  Status Open(const std::string& path);  // kInvalidArgument: cannot be written
  std::ostream& stream() { return stream_; }
  Status Commit();  // kInternal: not everything could be written

 private:
  std::filesystem::path path_;
  std::filesystem::path written_to_;
  std::ofstream stream_;
};

}  // namespace nearhit
