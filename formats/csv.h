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
  // ends; spaces around the quotes are passed over. Off for TSV: there every byte between two tabs
  // belongs to the field.
  bool quotes = true;
  bool trim_spaces = false;                              // around fields without quotes
  std::size_t fields = 0;                                // of each record; 0: any number
  std::size_t max_record_bytes = std::size_t{16} << 20;  // over all the lines of one record
};

// Some lines with their ends.
class CsvLines {
 public:
  explicit CsvLines(std::uint64_t first_line = 1) : first_line_(first_line) {}

  void Add(std::string_view line, std::string_view end);
  bool empty() const { return next_ == marks_.size(); }
  std::size_t size() const { return marks_.size() - next_; }
  // Takes the first line off; valid until the next Add.
  void Next(std::string_view* line, std::string_view* end);
  std::uint64_t next_line() const { return first_line_ + next_; }

 private:
  struct Mark {
    std::uint32_t bytes = 0;
    std::uint32_t end_bytes = 0;
  };
  std::uint64_t first_line_;
  std::string text_;
  std::vector<Mark> marks_;
  std::size_t next_ = 0;  // of the lines
  std::size_t at_ = 0;    // of their bytes
};

// Reads records from the lines of `lines`, which must outlive it. Line ends inside quotes stay what
// they are in the file. Blank lines are skipped. A '"' inside an unquoted field is an ordinary
// character.
//
// A stray quote seems to begin a field of many lines. When a record over several lines is wrong and
// those after its first are records with the right number of fields, that first line alone is bad.
//
// Thread-safety: externally synchronized.
class CsvReader {
 public:
  CsvReader(LineReader* lines, const CsvOptions& options) : lines_(lines), options_(options) {}

  // For the records that come next.
  CsvOptions& options() { return options_; }

  // Reads the next record; false at the end. Errors: those of LineReader::Next; kInvalidArgument
  // for text after a closing quote, a quote that is never closed, a record over the limit or with
  // another number of fields; calling again then goes on with the line after end_line().
  // kDataLoss when a quote that is never closed has swallowed lines that may be records or not;
  // kFailedPrecondition for too many stray quotes.
  Result<bool> Next(std::vector<std::string>* fields);

  // Makes the last record, which Next read or refused, the next one again. Not twice in a row.
  void Unread();

  std::uint64_t record_line() const { return record_line_; }  // first line of the last record
  std::uint64_t end_line() const { return end_line_; }        // its last line, both from 1

 private:
  class Source;
  class FileSource;
  class SpanSource;
  enum class Outcome : std::uint8_t { kRecord, kTextAfterQuote, kNeverClosed, kTooLong };
  // What the lines are that a wrong record has beside its first.
  enum class Swallowed : std::uint8_t { kNothing, kMaybeRecords, kRecords };

  Result<bool> NextLine(std::string* line);
  Outcome Split(Source* source, std::string line, std::vector<std::string>* fields) const;
  // Reads a field up to its end, `*at` behind it.
  Outcome TakeField(Source* source, std::string* line, std::size_t* at, std::string* field) const;
  // The same when it began with a quote, behind which `*at` is.
  Outcome TakeQuoted(Source* source, std::string* line, std::size_t* at, std::string* field) const;
  // Whether a quoted field that begins behind `at` ends on this line as such a field does.
  bool QuotedOnLine(std::string_view line, std::size_t at) const;
  Status Check(Outcome outcome, std::size_t fields) const;
  Status Error(std::string_view what) const;
  // What to do with a wrong record of several lines.
  Status Recover(Outcome outcome, const Status& wrong);
  Swallowed LookIntoRecord(bool strict) const;

  LineReader* lines_;
  CsvOptions options_;
  CsvLines pending_;       // lines that are to be read again
  std::string first_;      // of the last record: its first line
  std::string first_end_;  // how that ended
  CsvLines rest_;          // its other lines
  Status line_error_;      // of a line that could not be read within it
  std::string line_end_;   // of the last line
  std::uint64_t record_line_ = 0;
  std::uint64_t end_line_ = 0;
  std::size_t recoveries_ = 0;
};

}  // namespace nearhit
