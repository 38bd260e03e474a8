// A file that a command writes: under its name only once it is whole.
#pragma once

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

#include "nearhit/result.h"

namespace nearhit {

// Writes to a new file beside the path and renames it at the end, so that what was under the path
// stays until the new contents are there. It gets the permissions of the one that it replaces. What
// is no regular file (a pipe, a link, /dev/stdout), or is in a folder that takes no new file, is
// written to directly.
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
  std::filesystem::path beside_;  // empty: written to directly, or done
  std::ofstream stream_;
};

}  // namespace nearhit
