// Lines of a text file, plain or gzip (seen from its first bytes), with a bound on a line's length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: externally synchronized.
class LineReader {
 public:
  // "-" reads standard input. Errors: kNotFound; kUnavailable when it cannot be read.
  static Result<std::unique_ptr<LineReader>> Open(const std::filesystem::path& path,
                                                  std::size_t max_line_bytes);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Reads the next line without its end ("\n" or "\r\n") into `line`; false at the end of the file.
  // `line` is empty unless one was read.
  // Errors: kInvalidArgument for a line over the limit (that line is skipped: calling again goes on
  // with the one after it); kDataLoss for a damaged gzip stream (ends the reading).
  Result<bool> Next(std::string* line);

  std::uint64_t line_number() const;        // of the last line read, from 1
  std::uint64_t compressed_offset() const;  // bytes of the file consumed, for a progress bar
  std::uint64_t file_bytes() const;         // 0 when not known (standard input)

 private:
  struct Rep;
  explicit LineReader(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace nearhit
