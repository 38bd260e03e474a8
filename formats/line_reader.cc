#include "formats/line_reader.h"

#include <algorithm>
#include <utility>

#include "formats/byte_source.h"
#include "formats/text_decoder.h"

namespace nearhit {
namespace {

enum class LineEnds : std::uint8_t { kUnknown, kNewline, kCarriageReturn };

// `text` has an end of a line. Line ends within quotes are those of a cell, and say nothing.
LineEnds FindLineEnds(std::string_view text) {
  std::size_t returns = 0;
  std::size_t newlines = 0;
  std::size_t quoted_newlines = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      if (newlines + returns == 0) {
        return LineEnds::kNewline;
      }
      ++newlines;
      quoted_newlines += quoted ? 1 : 0;
    } else if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) {
      ++returns;
    } else if (text[i] == '"') {
      quoted = !quoted;
    }
  }
  return returns > newlines - quoted_newlines ? LineEnds::kCarriageReturn : LineEnds::kNewline;
}

}  // namespace

struct LineReader::Rep {
  std::unique_ptr<ByteSource> source;
  std::size_t max_line_bytes = 0;
  TextDecoder decoder;
  bool decoding = false;  // the decoder has seen the beginning

  std::string text;        // decoded
  std::size_t begin = 0;   // of what is left of it
  std::size_t looked = 0;  // so far there is no line end in it
  bool at_end = false;
  LineEnds ends = LineEnds::kUnknown;
  std::uint64_t line_number = 0;
  std::string_view line_end;
  bool has_text = false;
  Status later;   // an error behind what was decoded
  Status failed;  // once damaged, always damaged

  // What can be cut: a '\r' at the end of it may be half of "\r\n".
  std::string_view Whole() const {
    std::string_view whole = std::string_view(text).substr(begin);
    if (!at_end && whole.ends_with('\r')) {
      whole.remove_suffix(1);
    }
    return whole;
  }
  Status Fill();
  Status Read();
  void LearnLineEnds();
};

Status LineReader::Rep::Read() {
  NEARHIT_RETURN_IF_ERROR(later);
  NEARHIT_ASSIGN_OR_RETURN(std::string_view bytes, source->Next());
  if (decoding) {
    decoder.Decode(bytes, &text);
  } else {
    std::string sample(bytes);
    while (sample.size() < kTextSampleBytes && !bytes.empty()) {
      Result<std::string_view> more = source->Next();
      if (!more.ok()) {
        later = std::move(more).status();
        later.IgnoreError();  // what came before it is read first
        break;
      }
      bytes = *more;
      sample += bytes;
    }
    decoding = true;
    NEARHIT_RETURN_IF_ERROR(
        decoder.Begin(std::string_view(sample).substr(0, kTextSampleBytes), source->name()));
    decoder.Decode(sample, &text);
  }
  at_end = bytes.empty();
  if (at_end) {
    decoder.Finish(&text);
  }
  return {};
}

// Reads until there is something to cut.
Status LineReader::Rep::Fill() {
  NEARHIT_RETURN_IF_ERROR(failed);
  while (Whole().empty() && !at_end) {
    text.erase(0, begin);
    begin = 0;
    looked = 0;
    if (Status status = Read(); !status.ok()) {
      failed = status;
      failed.IgnoreError();  // kept for a next call that may never come
      return status;
    }
    has_text = has_text || !text.empty();
  }
  return {};
}

void LineReader::Rep::LearnLineEnds() {
  if (ends != LineEnds::kUnknown) {
    return;
  }
  const std::string_view whole = Whole();
  const std::size_t known = looked > begin ? looked - begin : 0;
  if (whole.find_first_of("\r\n", known) != std::string_view::npos) {
    ends = FindLineEnds(whole);
  }
  looked = begin + whole.size();
}

LineReader::LineReader(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {
}
LineReader::~LineReader() = default;

Result<std::unique_ptr<LineReader>> LineReader::Open(const std::filesystem::path& path,
                                                     std::size_t max_line_bytes) {
  auto rep = std::make_unique<Rep>();
  rep->max_line_bytes = max_line_bytes;
  NEARHIT_ASSIGN_OR_RETURN(rep->source, ByteSource::Open(path));
  return std::unique_ptr<LineReader>(new LineReader(std::move(rep)));
}

Result<bool> LineReader::Next(std::string* line) {
  Rep& rep = *rep_;
  line->clear();
  bool begun = false;
  bool too_long = false;
  bool ended = false;
  rep.line_end = "";
  while (!ended) {
    if (Status status = rep.Fill(); !status.ok()) {
      line->clear();  // part of a line is no line
      return status;
    }
    rep.LearnLineEnds();
    const std::string_view whole = rep.Whole();
    if (whole.empty()) {
      break;
    }
    begun = true;
    const bool returns = rep.ends == LineEnds::kCarriageReturn;
    const std::size_t end = whole.find(returns ? '\r' : '\n');
    const std::string_view part = whole.substr(0, end);
    ended = end != std::string_view::npos;
    // One byte more than the limit may be the '\r' of the line's end.
    if (too_long || line->size() + part.size() > rep.max_line_bytes + 1) {
      too_long = true;
    } else {
      line->append(part);
    }
    rep.begin += part.size() + (ended ? 1 : 0);
    if (ended) {
      rep.line_end = returns ? "\r" : "\n";
    }
    if (ended && returns && whole.substr(end + 1).starts_with('\n')) {
      ++rep.begin;
      rep.line_end = "\r\n";
    }
  }
  if (!begun) {
    return false;
  }
  ++rep.line_number;
  if (line->ends_with('\r')) {
    line->pop_back();
    rep.line_end = ended ? "\r\n" : "\r";
  }
  if (too_long || line->size() > rep.max_line_bytes) {
    line->clear();
    return InvalidArgument(rep.source->name() + ": line " + std::to_string(rep.line_number) +
                           " is longer than " + std::to_string(rep.max_line_bytes) + " bytes");
  }
  return true;
}

Result<std::string_view> LineReader::Peek() {
  NEARHIT_RETURN_IF_ERROR(rep_->Fill());
  rep_->LearnLineEnds();
  return rep_->Whole();
}

void LineReader::Take(std::size_t bytes) {
  const std::string_view taken = rep_->Whole().substr(0, bytes);
  const char end = rep_->ends == LineEnds::kCarriageReturn ? '\r' : '\n';
  rep_->line_number += static_cast<std::uint64_t>(std::count(taken.begin(), taken.end(), end));
  rep_->begin += taken.size();
}

std::string_view LineReader::line_end() const {
  return rep_->line_end;
}
std::uint64_t LineReader::line_number() const {
  return rep_->line_number;
}
std::uint64_t LineReader::compressed_offset() const {
  return rep_->source->offset();
}
std::uint64_t LineReader::file_bytes() const {
  return rep_->source->file_bytes();
}
bool LineReader::has_text() const {
  return rep_->has_text;
}

}  // namespace nearhit
