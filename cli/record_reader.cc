#include "cli/record_reader.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/utf8.h"

namespace nearhit {
namespace {

constexpr std::string_view kCellSpaces = " \t";
constexpr std::string_view kSeparators = ",;\t|";

Status NotUtf8(const std::string& what) {
  return InvalidArgument(what + " is not valid UTF-8; convert the file to it, as with iconv");
}

std::string ExpandTemplate(const std::string& pattern, const std::string& line) {
  std::string text;
  std::size_t at = 0;
  for (std::size_t next = pattern.find("{}"); next != std::string::npos;
       next = pattern.find("{}", at)) {
    text.append(pattern, at, next - at).append(line);
    at = next + 2;
  }
  return text.append(pattern, at);
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "'prompt'" and what gives it another name.
struct Needed {
  std::string column;
  const char* flag;
  bool or_base64 = false;
};

std::vector<Needed> NeededColumns(const RecordOptions& options) {
  const FieldNames& fields = options.fields;
  if (!options.vectors) {
    return {{fields.text, "--text-field"}, {fields.answer, "--answer-field", true}};
  }
  std::vector<Needed> needed = {{fields.key, "--key-field"}};
  if (!options.vectors_beside) {
    needed.push_back({fields.vector, "--vector-field"});
  }
  return needed;
}

CsvOptions MakeCsvOptions(const RecordOptions& options) {
  if (options.format == ImportFormat::kTsv) {
    return {.delimiter = '\t', .quotes = false};
  }
  return {.delimiter = options.separator.value_or(',')};
}

std::string TrimCell(const std::string& cell) {
  const std::size_t first = std::min(cell.find_first_not_of(kCellSpaces), cell.size());
  return cell.substr(first, cell.find_last_not_of(kCellSpaces) + 1 - first);
}

}  // namespace

ImportFormat GuessImportFormat(std::string_view path) {
  std::string name(path);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name.ends_with(".gz")) {
    name.resize(name.size() - 3);
  }
  if (name.ends_with(".jsonl") || name.ends_with(".ndjson") || name.ends_with(".json")) {
    return ImportFormat::kJsonl;
  }
  if (name.ends_with(".csv")) {
    return ImportFormat::kCsv;
  }
  return name.ends_with(".tsv") || name.ends_with(".tab") ? ImportFormat::kTsv
                                                          : ImportFormat::kLines;
}

RecordReader::RecordReader(LineReader* lines, RecordOptions options)
    : lines_(lines),
      options_(std::move(options)),
      csv_(lines, MakeCsvOptions(options_)),
      values_(lines, kMaxLineBytes) {
}

Result<bool> RecordReader::Next(ImportRecord* record) {
  *record = ImportRecord{};
  switch (options_.format) {
    case ImportFormat::kLines:
      return NextLine(record);
    case ImportFormat::kJsonl:
      return NextJson(record);
    case ImportFormat::kCsv:
    case ImportFormat::kTsv:
      break;
  }
  return NextCsv(record);
}

bool RecordReader::Skips(const Result<bool>& more, const ImportRecord& record) const {
  // A bad one was reported when it was read first.
  return record.end_line <= skip_through_ &&
         (more.ok() ? *more : more.status().code() == StatusCode::kInvalidArgument);
}

Status RecordReader::CheckLooksLikeLines() const {
  const std::string first = TrimCell(line_);
  if (first == "[" || first.starts_with("[{")) {
    return FailedPrecondition(
        "it begins as a JSON array does; give --format jsonl, or --format lines for plain lines");
  }
  if (first.starts_with('{') && ParseJsonRecord(first).ok()) {
    return FailedPrecondition(
        "its first line is a JSON object; give --format jsonl, or --format lines for plain lines");
  }
  for (const char separator : kSeparators) {
    std::vector<std::string> names;
    for (std::size_t at = 0; at <= first.size();) {
      const std::size_t end = std::min(first.find(separator, at), first.size());
      std::string name = TrimCell(first.substr(at, end - at));
      if (name.size() > 1 && name.starts_with('"') && name.ends_with('"')) {
        name = name.substr(1, name.size() - 2);
      }
      names.push_back(std::move(name));
      at = end + 1;
    }
    const std::vector<Needed> needed = NeededColumns(options_);
    if (names.size() > 1 && std::all_of(needed.begin(), needed.end(), [&](const Needed& one) {
          return Contains(names, one.column);
        })) {
      return FailedPrecondition(
          "its first line names columns; give --format csv or tsv, or --format lines for plain "
          "lines");
    }
  }
  return {};
}

Result<bool> RecordReader::NextLine(ImportRecord* record) {
  Result<bool> more = false;
  do {
    more = lines_->Next(&line_);
    record->line = record->end_line = lines_->line_number();
    const bool first = !std::exchange(first_line_read_, true);
    if (more.ok() && first && options_.guessed) {
      NEARHIT_RETURN_IF_ERROR(CheckLooksLikeLines());
    }
  } while (Skips(more, *record) ||
           (more.ok() && *more && line_.find_first_not_of(kCellSpaces) == std::string::npos));
  if (!more.ok() || !*more) {
    return more;
  }
  record->row = record->line - 1;
  if (!IsValidUtf8(line_)) {
    return NotUtf8("the text");
  }
  record->scope = options_.scope;
  record->text = line_;
  record->answer =
      options_.answer_template.empty() ? line_ : ExpandTemplate(options_.answer_template, line_);
  return true;
}

Result<bool> RecordReader::IsByLines() {
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(const std::string_view text, lines_->Peek());
    const std::size_t blank = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    if (blank > 0) {
      lines_->Take(blank);
      continue;
    }
    if (!text.starts_with('{')) {
      return !text.starts_with('[');
    }
    // An object over several lines: the first one ends where an object goes on.
    const std::size_t end = text.find_first_of("\r\n");
    return end == std::string_view::npos ||
           std::string_view("{[,:").find(text[text.find_last_not_of(" \t\r\n", end)]) ==
               std::string_view::npos;
  }
}

Result<bool> RecordReader::NextJson(ImportRecord* record) {
  if (!by_lines_) {
    NEARHIT_ASSIGN_OR_RETURN(by_lines_, IsByLines());
  }
  Result<bool> more = false;
  do {
    if (*by_lines_) {
      more = lines_->Next(&line_);
      record->line = record->end_line = lines_->line_number();
    } else {
      more = values_.Next(&line_);
      record->line = values_.line();
      record->end_line = values_.number();
    }
  } while (Skips(more, *record) ||
           (more.ok() && *more && line_.find_first_not_of(kCellSpaces) == std::string::npos));
  if (!more.ok() || !*more) {
    return more;
  }
  record->row = record->end_line - 1;
  NEARHIT_ASSIGN_OR_RETURN(const JsonRecord source, ParseJsonRecord(line_));
  NEARHIT_RETURN_IF_ERROR(RecordFromJson(source, options_, record));
  return true;
}

Status RecordReader::CheckColumns(const std::vector<std::string>& columns) const {
  for (const Needed& one : NeededColumns(options_)) {
    if (!Contains(columns, one.column) &&
        !(one.or_base64 && Contains(columns, one.column + "_base64"))) {
      return FailedPrecondition("no column of the " + std::to_string(columns.size()) + " is '" +
                                one.column + "'; name the right one with " + one.flag +
                                ", or all of a file without a header with --columns");
    }
  }
  const FieldNames& fields = options_.fields;
  for (const std::string& name :
       {fields.text, fields.answer, fields.scope, fields.vector, fields.tags, fields.model,
        fields.key, fields.payload, std::string("ttl_ms"), std::string("expires_us")}) {
    if (std::count(columns.begin(), columns.end(), name) > 1) {
      return FailedPrecondition("column '" + name + "' is there more than once");
    }
  }
  return {};
}

std::string RecordReader::SeparatorsToTry() {
  if (options_.format != ImportFormat::kCsv || options_.separator) {
    return {csv_.options().delimiter};
  }
  const Result<bool> more = csv_.Next(&cells_);
  // The first line of Excel's CSV may be "sep=;".
  if (more.ok() && *more && cells_[0].starts_with("sep=") && cells_[0].size() <= 5) {
    return {cells_[0].size() == 5 ? cells_[0][4] : csv_.options().delimiter};
  }
  if (more.ok() ? *more : more.status().code() == StatusCode::kInvalidArgument) {
    csv_.Unread();
  }
  return std::string(kSeparators);
}

Status RecordReader::TakeHeader(bool named) {
  CsvOptions& csv = csv_.options();
  if (named) {  // this is the first record
    if (cells_.size() != options_.columns.size()) {
      return InvalidArgument(std::to_string(cells_.size()) + " cells for " +
                             std::to_string(options_.columns.size()) + " columns");
    }
    csv_.Unread();
  } else {
    std::vector<std::string> names;
    names.reserve(cells_.size());
    for (const std::string& cell : cells_) {
      names.push_back(TrimCell(cell));
      csv.trim_spaces = csv.trim_spaces || (csv.quotes && cell.starts_with(' '));
    }
    NEARHIT_RETURN_IF_ERROR(CheckColumns(names));
    header_ = names;
    options_.columns = std::move(names);
  }
  csv.fields = options_.columns.size();
  return {};
}

Result<bool> RecordReader::ReadHeader() {
  header_read_ = true;
  const bool named = !options_.columns.empty();
  if (named) {
    NEARHIT_RETURN_IF_ERROR(CheckColumns(options_.columns));
  }
  const std::string separators = SeparatorsToTry();
  std::string problem;
  std::size_t most_cells = 0;
  for (const char separator : separators) {
    csv_.options().delimiter = separator;
    csv_.options().trim_spaces = false;
    Result<bool> more = csv_.Next(&cells_);
    if (more.ok() ? !*more : more.status().code() != StatusCode::kInvalidArgument) {
      return more;
    }
    const Status status = more.ok() ? TakeHeader(named) : more.status();
    if (status.ok()) {
      return true;
    }
    if (cells_.size() > most_cells || problem.empty()) {  // most likely it is this one
      most_cells = cells_.size();
      problem = status.message();
    }
    csv_.Unread();
  }
  if (!named) {
    return FailedPrecondition("the header at line " + std::to_string(csv_.record_line()) + ": " +
                              problem);
  }
  csv_.options().delimiter = separators.front();
  csv_.options().fields = options_.columns.size();  // each record says what is wrong
  return true;
}

// As where files were joined.
bool RecordReader::IsHeaderAgain() const {
  return header_.size() > 1 &&
         std::equal(header_.begin(), header_.end(), cells_.begin(), cells_.end(),
                    [](const auto& name, const auto& cell) { return name == TrimCell(cell); });
}

Result<bool> RecordReader::NextCsv(ImportRecord* record) {
  if (!header_read_) {
    Result<bool> header = ReadHeader();
    record->line = csv_.record_line();
    if (!header.ok() || !*header) {
      return header;
    }
  }
  Result<bool> more = false;
  for (;;) {
    more = csv_.Next(&cells_);
    record->line = csv_.record_line();
    record->end_line = csv_.end_line();
    if (more.ok() && *more && IsHeaderAgain()) {
      continue;
    }
    record->row = rows_++;
    if (!Skips(more, *record)) {
      break;
    }
  }
  if (!more.ok() || !*more) {
    return more;
  }
  JsonRecord source;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (!IsValidUtf8(cells_[i])) {
      return NotUtf8("field '" + options_.columns[i] + "'");
    }
    source.object[options_.columns[i]] = std::move(cells_[i]);
  }
  NEARHIT_RETURN_IF_ERROR(RecordFromJson(source, options_, record));
  return true;
}

}  // namespace nearhit
