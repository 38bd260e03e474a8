#include "formats/csv.h"

namespace nearhit {

Status CsvReader::Error(std::string_view what) const {
  return InvalidArgument("record at line " + std::to_string(record_line_) + ": " +
                         std::string(what));
}

Result<bool> CsvReader::Next(std::vector<std::string>* fields) {
  fields->clear();
  std::string line;
  do {
    Result<bool> more = lines_->Next(&line);
    record_line_ = lines_->line_number();
    if (!more.ok() || !*more) {
      return more;
    }
  } while (line.empty());
  record_bytes_ = line.size();
  if (record_bytes_ > options_.max_record_bytes) {
    return Error("longer than " + std::to_string(options_.max_record_bytes) + " bytes");
  }
  if (options_.quotes) {
    NEARHIT_RETURN_IF_ERROR(SplitQuoted(&line, fields));
    return true;
  }
  std::size_t at = 0;
  while (true) {
    const std::size_t end = line.find(options_.delimiter, at);
    fields->push_back(line.substr(at, end - at));
    if (end == std::string::npos) {
      return true;
    }
    at = end + 1;
  }
}

Status CsvReader::SplitQuoted(std::string* line, std::vector<std::string>* fields) {
  std::size_t at = 0;
  while (true) {
    std::string& field = fields->emplace_back();
    if (at < line->size() && (*line)[at] == '"') {
      ++at;
      NEARHIT_RETURN_IF_ERROR(TakeQuoted(line, &at, &field));
      if (at < line->size() && (*line)[at] != options_.delimiter) {
        return Error("text after a closing quote");
      }
    } else {
      const std::size_t end = line->find(options_.delimiter, at);
      field = line->substr(at, end - at);
      at = end == std::string::npos ? line->size() : end;
    }
    if (at == line->size()) {
      return {};
    }
    ++at;
  }
}

Status CsvReader::TakeQuoted(std::string* line, std::size_t* at, std::string* field) {
  while (true) {
    const std::size_t quote = line->find('"', *at);
    field->append(*line, *at, quote - *at);
    if (quote == std::string::npos) {
      Result<bool> more = lines_->Next(line);
      if (!more.ok()) {
        return more.status();
      }
      if (!*more) {
        return Error("a quote is never closed");
      }
      *at = 0;
      record_bytes_ += line->size() + 1;
      if (record_bytes_ > options_.max_record_bytes) {
        return Error("longer than " + std::to_string(options_.max_record_bytes) + " bytes");
      }
      field->push_back('\n');
      continue;
    }
    *at = quote + 1;
    if (*at == line->size() || (*line)[*at] != '"') {
      return {};
    }
    field->push_back('"');
    ++*at;
  }
}

}  // namespace nearhit
