#include "formats/csv.h"

#include <algorithm>
#include <utility>

namespace nearhit {
namespace {

// Each costs reading up to a whole record again.
constexpr std::size_t kMaxRecoveries = 100;

void Trim(std::string* field) {
  const std::size_t first = field->find_first_not_of(' ');
  if (first == std::string::npos) {
    field->clear();
    return;
  }
  field->erase(field->find_last_not_of(' ') + 1);
  field->erase(0, first);
}

}  // namespace

void CsvLines::Add(std::string_view line, std::string_view end) {
  text_.append(line).append(end);
  marks_.push_back({.bytes = static_cast<std::uint32_t>(line.size()),
                    .end_bytes = static_cast<std::uint32_t>(end.size())});
}

void CsvLines::Next(std::string_view* line, std::string_view* end) {
  const Mark& mark = marks_[next_++];
  const std::string_view text = text_;
  *line = text.substr(at_, mark.bytes);
  *end = text.substr(at_ + mark.bytes, mark.end_bytes);
  at_ += mark.bytes + mark.end_bytes;
}

// Lines of a record after its first one.
class CsvReader::Source {
 public:
  virtual ~Source() = default;
  // False when there is none.
  virtual bool Next(std::string* line) = 0;
  // Of the line before.
  virtual std::string line_end() const = 0;
  // Of the record so far.
  std::size_t bytes = 0;
};

class CsvReader::FileSource : public Source {
 public:
  explicit FileSource(CsvReader* reader) : reader_(*reader) {}

  bool Next(std::string* line) override {
    Result<bool> more = reader_.NextLine(line);
    if (!more.ok()) {
      reader_.line_error_ = std::move(more).status();
      reader_.line_error_.IgnoreError();  // looked at when the record is done
      return false;
    }
    if (*more) {
      reader_.rest_.Add(*line, reader_.line_end_);
    }
    return *more;
  }
  std::string line_end() const override { return reader_.line_end_; }

 private:
  CsvReader& reader_;
};

class CsvReader::SpanSource : public Source {
 public:
  SpanSource(CsvLines* span, std::string_view end) : span_(*span), end_(end) {}

  bool Next(std::string* line) override {
    if (span_.empty()) {
      return false;
    }
    std::string_view text;
    span_.Next(&text, &end_);
    line->assign(text);
    return true;
  }
  std::string line_end() const override { return std::string(end_); }

 private:
  CsvLines& span_;
  std::string_view end_;
};

Status CsvReader::Error(std::string_view what) const {
  std::string message = "record at line " + std::to_string(record_line_) + ": ";
  return InvalidArgument(message.append(what));
}

Result<bool> CsvReader::NextLine(std::string* line) {
  if (!pending_.empty()) {
    end_line_ = pending_.next_line();
    std::string_view text;
    std::string_view end;
    pending_.Next(&text, &end);
    line->assign(text);
    line_end_.assign(end);
    return true;
  }
  Result<bool> more = lines_->Next(line);
  end_line_ = lines_->line_number();
  line_end_ = lines_->line_end();
  return more;
}

Result<bool> CsvReader::Next(std::vector<std::string>* fields) {
  fields->clear();
  rest_ = CsvLines();
  do {
    Result<bool> more = NextLine(&first_);
    record_line_ = end_line_;
    first_end_ = line_end_;
    if (!more.ok() || !*more) {
      return more;
    }
  } while (first_.empty());
  rest_ = CsvLines(record_line_ + 1);
  line_error_ = Status();
  FileSource source(this);
  const Outcome outcome = Split(&source, first_, fields);
  if (!line_error_.ok() && line_error_.code() != StatusCode::kInvalidArgument) {
    fields->clear();
    return line_error_;
  }
  Status wrong = Check(outcome, fields->size());
  if (wrong.ok()) {
    return true;
  }
  fields->clear();
  if (rest_.size() == 0) {
    return wrong;
  }
  return Recover(outcome, wrong);
}

void CsvReader::Unread() {
  CsvLines again(record_line_);
  again.Add(first_, first_end_);
  std::string_view line;
  std::string_view end;
  for (CsvLines* lines : {&rest_, &pending_}) {
    while (!lines->empty()) {
      lines->Next(&line, &end);
      again.Add(line, end);
    }
  }
  pending_ = std::move(again);
}

Status CsvReader::Check(Outcome outcome, std::size_t fields) const {
  switch (outcome) {
    case Outcome::kTextAfterQuote:
      return Error("text after a closing quote");
    case Outcome::kNeverClosed:
      return Error(line_error_.ok()
                       ? std::string("a quote is never closed")
                       : "a quote is not closed, " + std::string(line_error_.message()));
    case Outcome::kTooLong:
      return Error("longer than " + std::to_string(options_.max_record_bytes) + " bytes");
    case Outcome::kRecord:
      break;
  }
  if (options_.fields != 0 && fields != options_.fields) {
    return Error(std::to_string(fields) + " cells for " + std::to_string(options_.fields) +
                 " columns");
  }
  return {};
}

Status CsvReader::Recover(Outcome outcome, const Status& wrong) {
  const std::string lines =
      "lines " + std::to_string(record_line_) + " to " + std::to_string(end_line_);
  const std::string message(wrong.message());
  const Swallowed swallowed = LookIntoRecord(/*strict=*/outcome == Outcome::kRecord);
  if (swallowed == Swallowed::kRecords) {
    if (++recoveries_ > kMaxRecoveries) {
      return FailedPrecondition(message + ", as in " + std::to_string(kMaxRecoveries) +
                                " records before; double the quotes that are text");
    }
    const std::uint64_t line = record_line_;
    CsvLines again(record_line_ + 1);
    std::string_view text;
    std::string_view end;
    for (CsvLines* source : {&rest_, &pending_}) {
      while (!source->empty()) {
        source->Next(&text, &end);
        again.Add(text, end);
      }
    }
    pending_ = std::move(again);
    end_line_ = line;
    return InvalidArgument(message + " (the lines after it are read as records of their own)");
  }
  const bool at_end = outcome == Outcome::kNeverClosed && line_error_.ok();
  if (at_end || swallowed == Swallowed::kMaybeRecords) {
    return DataLoss(message + ": " + lines + " may be one cell, or records; mend the quotes there");
  }
  return InvalidArgument(message + " (" + lines + ")");
}

// Whether those lines are records of their own: then a quote that was none had swallowed them.
// `strict` allows for no doubt.
CsvReader::Swallowed CsvReader::LookIntoRecord(bool strict) const {
  if (options_.fields < 2) {  // any text is a record of one field
    return Swallowed::kNothing;
  }
  constexpr std::size_t kFew = 16;
  CsvLines span = rest_;
  std::vector<std::string> fields;
  std::size_t good = 0;
  std::size_t bad = 0;
  while (!span.empty() && bad <= good + kFew) {
    std::string_view line;
    std::string_view end;
    span.Next(&line, &end);
    if (line.empty()) {
      continue;
    }
    fields.clear();
    SpanSource source(&span, end);
    const Outcome outcome = Split(&source, std::string(line), &fields);
    if (outcome == Outcome::kNeverClosed || outcome == Outcome::kTooLong) {
      break;  // it goes on behind them
    }
    ++(outcome == Outcome::kRecord && fields.size() == options_.fields ? good : bad);
  }
  if (good < 2) {
    return Swallowed::kNothing;
  }
  return bad == 0 || (!strict && bad * 10 <= good) ? Swallowed::kRecords : Swallowed::kMaybeRecords;
}

CsvReader::Outcome CsvReader::Split(Source* source, std::string line,
                                    std::vector<std::string>* fields) const {
  source->bytes = line.size();
  if (line.size() > options_.max_record_bytes) {
    return Outcome::kTooLong;
  }
  std::size_t at = 0;
  while (true) {
    std::string& field = fields->emplace_back();
    if (const Outcome outcome = TakeField(source, &line, &at, &field);
        outcome != Outcome::kRecord) {
      return outcome;
    }
    if (at == line.size()) {
      return Outcome::kRecord;
    }
    ++at;
  }
}

CsvReader::Outcome CsvReader::TakeField(Source* source, std::string* line, std::size_t* at,
                                        std::string* field) const {
  if (options_.quotes) {
    const std::size_t quote = std::min(line->find_first_not_of(' ', *at), line->size());
    // Behind a space it may be a character of the text: `a, "b" and "c"`.
    if (quote < line->size() && (*line)[quote] == '"' &&
        (quote == *at || QuotedOnLine(*line, quote + 1))) {
      *at = quote + 1;
      return TakeQuoted(source, line, at, field);
    }
  }
  const std::size_t end = std::min(line->find(options_.delimiter, *at), line->size());
  field->assign(*line, *at, end - *at);
  if (options_.trim_spaces) {
    Trim(field);
  }
  *at = end;
  return Outcome::kRecord;
}

bool CsvReader::QuotedOnLine(std::string_view line, std::size_t at) const {
  while (true) {
    const std::size_t quote = line.find('"', at);
    if (quote == std::string_view::npos) {
      return options_.trim_spaces;  // it goes on, where spaces go before quotes
    }
    if (line.substr(quote + 1).starts_with('"')) {
      at = quote + 2;
      continue;
    }
    const std::size_t behind = std::min(line.find_first_not_of(' ', quote + 1), line.size());
    return behind == line.size() || line[behind] == options_.delimiter;
  }
}

CsvReader::Outcome CsvReader::TakeQuoted(Source* source, std::string* line, std::size_t* at,
                                         std::string* field) const {
  while (true) {
    const std::size_t quote = line->find('"', *at);
    field->append(*line, *at, quote - *at);
    if (quote == std::string::npos) {
      const std::string end = source->line_end();
      if (!source->Next(line)) {
        return Outcome::kNeverClosed;
      }
      *at = 0;
      source->bytes += end.size() + line->size();
      if (source->bytes > options_.max_record_bytes) {
        return Outcome::kTooLong;
      }
      field->append(end);
      continue;
    }
    *at = quote + 1;
    if (*at < line->size() && (*line)[*at] == '"') {
      field->push_back('"');
      ++*at;
      continue;
    }
    *at = std::min(line->find_first_not_of(' ', *at), line->size());
    return *at == line->size() || (*line)[*at] == options_.delimiter ? Outcome::kRecord
                                                                     : Outcome::kTextAfterQuote;
  }
}

}  // namespace nearhit
