// Records of CSV (RFC 4180) and TSV files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/line_reader.h"
#include "nearhit/result.h"

namespace nearhit {

struct CsvOptions {
  char delimiter = ',';
  // Fields may be quoted with '"', '""' inside meaning '"', and may then hold delimiters and line
  // ends. Off for TSV: there every byte between two tabs belongs to the field.
  bool quotes = true;
  std::size_t max_record_bytes = std::size_t{16} << 20;  // over all the lines of one record
};

// Reads records from the lines of `lines`, which must outlive it. Line ends inside quotes come out
// as
// '\n'. Blank lines are skipped. A '"' inside an unquoted field is an ordinary character.
//
// Thread-safety: externally synchronized.
class CsvReader {
 public:
  CsvReader(LineReader* lines, const CsvOptions& options) : lines_(lines), options_(options) {}

  // Reads the next record; false at the end. Errors: those of LineReader::Next; kInvalidArgument
  // for text after a closing quote, a quote that is never closed or a record over the limit. After
  // kInvalidArgument calling again goes on with the line after the last one looked at.
  Result<bool> Next(std::vector<std::string>* fields);

  // Of the first line of the last record, from 1.
  std::uint64_t record_line() const { return record_line_; }

 private:
  Status Error(std::string_view what) const;
  Status SplitQuoted(std::string* line, std::vector<std::string>* fields);
  // Reads a quoted field that begins behind `*at`; leaves `*at` behind its closing quote.
  Status TakeQuoted(std::string* line, std::size_t* at, std::string* field);

  LineReader* lines_;
  CsvOptions options_;
  std::uint64_t record_line_ = 0;
  std::size_t record_bytes_ = 0;
};

}  // namespace nearhit
