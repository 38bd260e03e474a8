#include "formats/line_reader.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <zlib.h>

namespace nearhit {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{128} << 10;

}  // namespace

struct LineReader::Rep {
  std::string name;
  std::FILE* file = nullptr;
  std::size_t max_line_bytes = 0;
  std::uint64_t file_bytes = 0;

  std::vector<char> input = std::vector<char>(kBufferBytes);  // as it lies in the file
  std::size_t input_begin = 0;
  std::size_t input_end = 0;
  std::uint64_t offset = 0;  // of the file, after what was taken from `input`

  bool gzip = false;
  bool in_member = false;  // between the header and the trailer of a gzip member
  z_stream inflater{};
  std::vector<char> inflated;

  std::string_view text;  // what is left to cut into lines; in `input` or in `inflated`
  bool at_end = false;
  std::uint64_t line_number = 0;
  Status failed;  // once damaged, always damaged

  Rep() = default;
  Rep(const Rep&) = delete;
  Rep& operator=(const Rep&) = delete;
  ~Rep() {
    if (gzip) {
      inflateEnd(&inflater);
    }
    if (file != nullptr && file != stdin) {
      std::fclose(file);
    }
  }

  Status FillInput();
  Status FillText();
  Status Inflate();
  Status StartGzip();
};

// Moves what is left to the front and reads more behind it.
Status LineReader::Rep::FillInput() {
  const std::size_t left = input_end - input_begin;
  std::memmove(input.data(), input.data() + input_begin, left);
  input_begin = 0;
  input_end = left;
  const std::size_t got = std::fread(input.data() + input_end, 1, input.size() - input_end, file);
  input_end += got;
  if (got == 0 && std::ferror(file) != 0) {
    return Unavailable(name + ": read failed: " + std::generic_category().message(errno));
  }
  return {};
}

Status LineReader::Rep::StartGzip() {
  if (inflateInit2(&inflater, 15 + 16) != Z_OK) {
    return ResourceExhausted("no memory for zlib");
  }
  gzip = true;
  in_member = true;
  inflated.resize(kBufferBytes);
  return {};
}

// Sets `text` to the next inflated bytes; leaves it empty at the end of the file.
Status LineReader::Rep::Inflate() {
  while (text.empty()) {
    if (input_begin == input_end) {
      NEARHIT_RETURN_IF_ERROR(FillInput());
    }
    if (input_begin == input_end) {
      at_end = true;
      return in_member ? DataLoss(name + ": the gzip stream ends early") : Status{};
    }
    if (!in_member) {  // members may follow each other, as `cat a.gz b.gz` makes them
      inflateReset(&inflater);
      in_member = true;
    }
    inflater.next_in = reinterpret_cast<Bytef*>(input.data() + input_begin);
    inflater.avail_in = static_cast<uInt>(input_end - input_begin);
    inflater.next_out = reinterpret_cast<Bytef*>(inflated.data());
    inflater.avail_out = static_cast<uInt>(inflated.size());
    const int code = inflate(&inflater, Z_NO_FLUSH);
    const std::size_t taken = input_end - input_begin - inflater.avail_in;
    input_begin += taken;
    offset += taken;
    if (code != Z_OK && code != Z_STREAM_END) {
      return DataLoss(name + ": damaged gzip stream near byte " + std::to_string(offset));
    }
    in_member = code != Z_STREAM_END;
    text = {inflated.data(), inflated.size() - inflater.avail_out};
  }
  return {};
}

Status LineReader::Rep::FillText() {
  if (gzip) {
    return Inflate();
  }
  if (input_begin == input_end) {
    NEARHIT_RETURN_IF_ERROR(FillInput());
  }
  text = {input.data() + input_begin, input_end - input_begin};
  offset += text.size();
  input_begin = input_end;
  at_end = text.empty();
  return {};
}

LineReader::LineReader(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {
}
LineReader::~LineReader() = default;

Result<std::unique_ptr<LineReader>> LineReader::Open(const std::filesystem::path& path,
                                                     std::size_t max_line_bytes) {
  auto rep = std::make_unique<Rep>();
  rep->max_line_bytes = max_line_bytes;
  if (path == "-") {
    rep->name = "standard input";
    rep->file = stdin;
  } else {
    rep->name = path.string();
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
      return NotFound(rep->name + ": no such file");
    }
    if (std::filesystem::is_directory(path, error)) {
      return Unavailable(rep->name + ": is a directory");
    }
    rep->file = std::fopen(path.c_str(), "rbe");
    if (rep->file == nullptr) {
      return Unavailable(rep->name + ": " + std::generic_category().message(errno));
    }
    if (std::filesystem::is_regular_file(path, error)) {
      rep->file_bytes = std::filesystem::file_size(path, error);
    }
  }
  NEARHIT_RETURN_IF_ERROR(rep->FillInput());
  if (std::string_view(rep->input.data(), rep->input_end).starts_with("\x1f\x8b")) {
    NEARHIT_RETURN_IF_ERROR(rep->StartGzip());
  }
  return std::unique_ptr<LineReader>(new LineReader(std::move(rep)));
}

Result<bool> LineReader::Next(std::string* line) {
  Rep& rep = *rep_;
  line->clear();
  if (!rep.failed.ok()) {
    return rep.failed;
  }
  bool begun = false;
  bool too_long = false;
  bool ended = false;
  while (!ended) {
    if (rep.text.empty()) {
      if (Status status = rep.at_end ? Status{} : rep.FillText(); !status.ok()) {
        rep.failed = status;
        rep.failed.IgnoreError();  // kept for a next call that may never come
        line->clear();             // part of a line is no line
        return status;
      }
      if (rep.text.empty()) {
        break;
      }
    }
    begun = true;
    const std::size_t end = rep.text.find('\n');
    const std::string_view part = rep.text.substr(0, end);
    ended = end != std::string_view::npos;
    // One byte more than the limit may be the '\r' of the line's end.
    if (too_long || line->size() + part.size() > rep.max_line_bytes + 1) {
      too_long = true;
    } else {
      line->append(part);
    }
    rep.text.remove_prefix(ended ? end + 1 : part.size());
  }
  if (!begun) {
    return false;
  }
  ++rep.line_number;
  if (!line->empty() && line->back() == '\r') {
    line->pop_back();
  }
  if (too_long || line->size() > rep.max_line_bytes) {
    line->clear();
    return InvalidArgument(rep.name + ": line " + std::to_string(rep.line_number) +
                           " is longer than " + std::to_string(rep.max_line_bytes) + " bytes");
  }
  return true;
}

std::uint64_t LineReader::line_number() const {
  return rep_->line_number;
}
std::uint64_t LineReader::compressed_offset() const {
  return rep_->offset;
}
std::uint64_t LineReader::file_bytes() const {
  return rep_->file_bytes;
}

}  // namespace nearhit
