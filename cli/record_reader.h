// Lines of a file to import as records: which field of which format means what.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/json_record.h"
#include "formats/csv.h"
#include "formats/json_values.h"
#include "formats/line_reader.h"
#include "nearhit/result.h"
#include "nearhit/v1/cache.pb.h"
#include "nearhit/v1/vectors.pb.h"

namespace nearhit {

enum class ImportFormat : std::uint8_t { kJsonl, kLines, kCsv, kTsv };

// A longer line of an input file is a bad line.
inline constexpr std::size_t kMaxLineBytes = std::size_t{64} << 20;

// From the file's name without ".gz", in capitals or not: .jsonl .ndjson .json, .csv, .tsv .tab;
// anything else is lines.
ImportFormat GuessImportFormat(std::string_view path);

// Names of fields (JSONL) or columns (CSV, TSV).
struct FieldNames {
  std::string text = "prompt";
  std::string answer = "answer";
  std::string scope = "scope";
  std::string vector = "vector";
  std::string tags = "tags";
  std::string model = "model";
  std::string key = "key";
  std::string payload = "payload";
};

struct RecordOptions {
  ImportFormat format = ImportFormat::kJsonl;
  // The format is a guess: lines that begin as another format does are refused.
  bool guessed = false;
  bool vectors = false;         // records are for a vector store: key, payload, vector
  bool vectors_beside = false;  // in a file of their own
  FieldNames fields{};
  std::vector<std::string> columns{};  // CSV, TSV; empty: the first record names them
  // CSV. Unset: the one of ',', ';', tab and '|' that splits the first record into the columns.
  std::optional<char> separator{};
  std::string scope{};  // of records that have none
  // Lines: "{}" stands for the line. Empty: the answer is the line.
  std::string answer_template{};
  std::int64_t now_us = 0;  // against which "expires_us" becomes a TTL
};

// What one line says. `text` is the prompt of a cache entry or the key of a vector.
struct ImportRecord {
  std::uint64_t line = 0;  // its first line, from 1
  // What a progress file counts: its last line; of JSON that is not by lines its number, from 1.
  std::uint64_t end_line = 0;
  // In a file of vectors beside it, from 0: of the line, or of the record in CSV and a JSON array.
  std::uint64_t row = 0;
  std::string scope;
  std::string text;
  std::string answer;  // or payload
  std::string model;
  std::string content_type;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t answer_tokens = 0;
  double cost = 0;
  std::vector<std::string> tags;
  std::vector<float> vector;
  std::optional<std::int64_t> ttl_ms;
};

// Maps one JSON object (or CSV record as an object of strings) to a record.
// Errors: kInvalidArgument naming the field.
Status RecordFromJson(const JsonRecord& source, const RecordOptions& options, ImportRecord* record);

// What to say when the vectors of a file are not of the namespace's dimension.
Status VectorsDoNotFit(const std::string& file, std::size_t dimension, const std::string& name,
                       std::size_t wanted);

void RecordToItem(ImportRecord record, v1::Durability durability, v1::StoreItem* item);
void RecordToItem(ImportRecord record, v1::VectorItem* item);

// Thread-safety: externally synchronized.
class RecordReader {
 public:
  // `lines` must outlive the reader.
  RecordReader(LineReader* lines, RecordOptions options);

  // Records that end at or before this line (ImportRecord::end_line) are passed over.
  void SkipThrough(std::uint64_t line) { skip_through_ = line; }

  // Reads the next record; false at the end. Blank lines are passed over. Errors: kInvalidArgument
  // for a bad record (record->line says where; calling again goes on); others end the reading, such
  // as kFailedPrecondition for a header without a column that every record needs.
  Result<bool> Next(ImportRecord* record);

 private:
  // Whether a result of a reader below is of a record that was taken before.
  bool Skips(const Result<bool>& more, const ImportRecord& record) const;
  Result<bool> NextLine(ImportRecord* record);
  Result<bool> NextJson(ImportRecord* record);
  Result<bool> NextCsv(ImportRecord* record);
  // Says whether the JSON is one object to a line; if not, `values_` reads it.
  Result<bool> IsByLines();
  // Refuses lines that begin as another format does.
  Status CheckLooksLikeLines() const;
  // Learns the columns, and what separates them; false when there is no record.
  Result<bool> ReadHeader();
  std::string SeparatorsToTry();
  // Takes the cells that were read as the names of the columns, or, when these were named before,
  // sees that they are as many.
  Status TakeHeader(bool named);
  // Whether the cells are the names of the columns, which the file began with.
  bool IsHeaderAgain() const;
  // Says which column is missing or there twice.
  Status CheckColumns(const std::vector<std::string>& columns) const;

  LineReader* lines_;
  RecordOptions options_;
  CsvReader csv_;
  JsonValues values_;
  std::optional<bool> by_lines_;
  bool header_read_ = false;
  std::vector<std::string> header_;  // of the file; empty when the columns were named before
  bool first_line_read_ = false;
  std::uint64_t rows_ = 0;
  std::uint64_t skip_through_ = 0;
  std::string line_;
  std::vector<std::string> cells_;
};

}  // namespace nearhit
