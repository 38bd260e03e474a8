// Lines of a text file with a bound on a line's length. The file may be plain or gzip, UTF-8 or
// UTF-16 (text_decoder.h); its lines end with "\n", "\r\n" or "\r".
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "nearhit/result.h"

namespace nearhit {

// A lone '\r' ends a line only in a file whose first line ends so and that has more of them than of
// '\n'; elsewhere it is a character as any other.
//
// Thread-safety: externally synchronized.
class LineReader {
 public:
  // "-" reads standard input. Errors: kNotFound; kUnavailable when it cannot be read.
  static Result<std::unique_ptr<LineReader>> Open(const std::filesystem::path& path,
                                                  std::size_t max_line_bytes);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Reads the next line, as UTF-8 without its end, into `line`; false at the end of the file.
  // `line` is empty unless one was read.
  // Errors: kInvalidArgument for a line over the limit (that line is skipped: calling again goes on
  // with the one after it); kDataLoss for a damaged gzip stream and kFailedPrecondition for a file
  // that is no text, which end the reading.
  Result<bool> Next(std::string* line);

  // How the last line ended: "\n", "\r\n", "\r" or, at the end of the file, "".
  std::string_view line_end() const;

  // For who does not read by lines: text that comes next, empty at the end of the file; valid until
  // the next call. Errors: those of Next that end the reading.
  Result<std::string_view> Peek();
  // Takes the first bytes of it. Lines that end there count as read.
  void Take(std::size_t bytes);

  std::uint64_t line_number() const;        // of the last line read, from 1
  std::uint64_t compressed_offset() const;  // bytes of the file consumed, for a progress bar
  std::uint64_t file_bytes() const;         // 0 when not known (standard input)
  bool has_text() const;                    // whether the file has shown any so far

 private:
  struct Rep;
  explicit LineReader(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace nearhit
