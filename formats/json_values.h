// Cuts a stream of JSON into its values: those of one array, or values one after the other, on any
// number of lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "formats/line_reader.h"
#include "nearhit/result.h"

namespace nearhit {

// Finds where values end by brackets and quotes alone; whether one is valid is for its reader to
// see. An array at the top is taken apart; arrays within values stay whole.
//
// Thread-safety: externally synchronized.
class JsonValues {
 public:
  // `lines` must outlive it. A longer value is a bad one.
  JsonValues(LineReader* lines, std::size_t max_value_bytes)
      : lines_(lines), max_value_bytes_(max_value_bytes) {}

  // Reads the next value, byte for byte as it is in the file; false at the end. Errors:
  // kInvalidArgument for a value over the limit (calling again goes on behind it); kDataLoss when
  // the file ends within a value or the array; those of LineReader::Peek.
  Result<bool> Next(std::string* value);

  std::uint64_t line() const { return line_; }      // where the last value begins, from 1
  std::uint64_t number() const { return number_; }  // of the last value, from 1

 private:
  // Takes what lies between values; false at the end.
  Result<bool> FindValue();
  // Takes a part of the value; true when it ends there.
  bool TakePart(std::string_view text, std::string* value);

  LineReader* lines_;
  std::size_t max_value_bytes_;
  bool in_array_ = false;
  std::uint64_t array_line_ = 0;
  std::uint64_t line_ = 0;
  std::uint64_t number_ = 0;

  // Of the value that is being read.
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::size_t value_bytes_ = 0;
};

}  // namespace nearhit
