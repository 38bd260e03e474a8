// Readers of files from outside. Input: which reader, then the file.

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "formats/csv.h"
#include "formats/json_values.h"
#include "formats/line_reader.h"
#include "formats/npy_header.h"
#include "formats/vector_file.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

constexpr std::array<const char*, 6> kExtensions = {".npy",  ".fvecs", ".bvecs",
                                                    ".fbin", ".i8bin", ".u8bin"};
constexpr std::size_t kMaxLineBytes = 64;

std::filesystem::path WriteInput(const std::string& extension, std::string_view bytes) {
  static const TempDir dir;
  std::filesystem::path path = dir.path() / ("input" + extension);
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

void CheckVectors(const std::string& extension, std::size_t max_rows, std::string_view bytes) {
  const auto matrix = ReadVectorFile(WriteInput(extension, bytes), max_rows);
  if (!matrix.ok()) {
    FUZZ_CHECK(matrix.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  FUZZ_CHECK(matrix->values.size() == matrix->rows * matrix->dimension);
  FUZZ_CHECK(matrix->values.size() <= bytes.size());
  FUZZ_CHECK(max_rows == 0 || matrix->rows <= max_rows);
}

void CheckIds(std::string_view bytes) {
  const auto rows = ReadIvecs(WriteInput(".ivecs", bytes));
  if (rows.ok()) {
    std::size_t numbers = rows->size();
    for (const auto& row : *rows) {
      numbers += row.size();
    }
    FUZZ_CHECK(numbers * sizeof(std::int32_t) == bytes.size());
  }
}

void CheckLines(std::string_view bytes) {
  const auto lines = LineReader::Open(WriteInput(".txt", bytes), kMaxLineBytes);
  FUZZ_CHECK(lines.ok());
  std::string line;
  while (true) {
    const std::uint64_t before = (*lines)->line_number();
    const Result<bool> more = (*lines)->Next(&line);
    FUZZ_CHECK(line.size() <= kMaxLineBytes);
    FUZZ_CHECK(line.find('\n') == std::string::npos || line.find('\r') == std::string::npos);
    if (!more.ok() && more.status().code() == StatusCode::kInvalidArgument) {
      FUZZ_CHECK((*lines)->line_number() == before + 1);  // skipped
      continue;
    }
    if (!more.ok() || !*more) {
      break;
    }
  }
  FUZZ_CHECK((*lines)->compressed_offset() <= bytes.size());
}

void CheckCsv(const CsvOptions& options, std::string_view bytes) {
  const auto lines = LineReader::Open(WriteInput(".txt", bytes), kMaxLineBytes);
  FUZZ_CHECK(lines.ok());
  CsvReader reader(lines->get(), options);
  std::vector<std::string> fields;
  for (std::uint64_t last = 0;;) {
    const Result<bool> more = reader.Next(&fields);
    if (!more.ok() && more.status().code() == StatusCode::kInvalidArgument) {
      FUZZ_CHECK(reader.end_line() > last);  // goes on, so it ends
      last = reader.end_line();
      continue;
    }
    if (!more.ok() || !*more) {
      return;
    }
    FUZZ_CHECK(!fields.empty());
    std::size_t total = fields.size() - 1;
    for (const std::string& field : fields) {
      total += field.size();
    }
    FUZZ_CHECK(total <= options.max_record_bytes);
    FUZZ_CHECK(options.fields == 0 || fields.size() == options.fields);
    FUZZ_CHECK(reader.record_line() > last && reader.end_line() >= reader.record_line());
    last = reader.end_line();
  }
}

void CheckJsonValues(std::string_view bytes) {
  const auto lines = LineReader::Open(WriteInput(".txt", bytes), kMaxLineBytes);
  FUZZ_CHECK(lines.ok());
  JsonValues values(lines->get(), kMaxLineBytes);
  std::string value;
  for (std::uint64_t count = 1;; ++count) {
    const Result<bool> more = values.Next(&value);
    if (more.ok() ? !*more : more.status().code() != StatusCode::kInvalidArgument) {
      return;
    }
    FUZZ_CHECK(values.number() == count && count <= bytes.size());
    FUZZ_CHECK(more.ok() == !value.empty() && value.size() <= kMaxLineBytes);
  }
}

void Run(FuzzInput input) {
  const std::uint8_t which = input.Byte();
  if (which < kExtensions.size()) {
    const std::uint8_t max_rows = input.Byte();
    return CheckVectors(kExtensions[which], max_rows, input.Rest());
  }
  if (which == 11) {
    return CheckJsonValues(input.Rest());
  }
  if (which == 12) {  // stray quotes
    return CheckCsv(
        {.trim_spaces = true, .fields = 2, .max_record_bytes = std::size_t{16} * kMaxLineBytes},
        input.Rest());
  }
  switch (which % 5) {
    case 0: {
      const auto header = ParseNpyHeader(input.Rest());
      FUZZ_CHECK(header.ok() || header.status().code() == StatusCode::kInvalidArgument);
      return;
    }
    case 1:
      return CheckIds(input.Rest());
    case 2:
      return CheckLines(input.Rest());
    case 3:
      return CheckCsv({.max_record_bytes = 2 * kMaxLineBytes}, input.Rest());
    default:
      return CheckCsv({.delimiter = '\t', .quotes = false, .max_record_bytes = kMaxLineBytes},
                      input.Rest());
  }
}

}  // namespace
}  // namespace nearhit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::Run(nearhit::FuzzInput(data, size));
  return 0;
}
