#include "formats/byte_source.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include <zlib.h>

namespace nearhit {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{128} << 10;
constexpr std::string_view kGzipMagic = "\x1f\x8b";

}  // namespace

struct ByteSource::Rep {
  std::string name;
  std::FILE* file = nullptr;
  std::uint64_t file_bytes = 0;

  std::vector<char> input = std::vector<char>(kBufferBytes);  // as it lies in the file
  std::size_t input_begin = 0;
  std::size_t input_end = 0;
  std::uint64_t offset = 0;  // of the file, after what was taken from `input`

  bool gzip = false;
  bool in_member = false;  // between the header and the trailer of a gzip member
  z_stream inflater{};
  std::vector<char> inflated;

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

  std::string_view Buffered() const {
    return {input.data() + input_begin, input_end - input_begin};
  }
  void Consume(std::size_t bytes) {
    input_begin += bytes;
    offset += bytes;
  }
  Status FillInput();
  Status StartGzip();
  Result<std::string_view> Inflate();
  // Begins the member that follows another, as `cat a.gz b.gz` makes them; false at the end.
  Result<bool> NextMember();
};

// Moves what is left to the front and reads more behind it.
Status ByteSource::Rep::FillInput() {
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

Status ByteSource::Rep::StartGzip() {
  if (inflateInit2(&inflater, 15 + 16) != Z_OK) {
    return ResourceExhausted("no memory for zlib");
  }
  gzip = true;
  in_member = true;
  inflated.resize(kBufferBytes);
  return {};
}

Result<bool> ByteSource::Rep::NextMember() {
  while (true) {
    const std::size_t zeros = std::min(Buffered().find_first_not_of('\0'), Buffered().size());
    Consume(zeros);
    if (Buffered().size() < kGzipMagic.size()) {
      const std::size_t before = Buffered().size();
      NEARHIT_RETURN_IF_ERROR(FillInput());
      if (Buffered().empty()) {
        return false;
      }
      if (Buffered().size() > before) {
        continue;
      }
    }
    if (!Buffered().starts_with(kGzipMagic)) {
      return DataLoss(name + ": what follows the gzip stream at byte " + std::to_string(offset) +
                      " is not gzip; what came before it was read whole");
    }
    inflateReset(&inflater);
    in_member = true;
    return true;
  }
}

Result<std::string_view> ByteSource::Rep::Inflate() {
  std::string_view out;
  while (out.empty()) {
    if (!in_member) {
      NEARHIT_ASSIGN_OR_RETURN(const bool more, NextMember());
      if (!more) {
        return out;
      }
    }
    if (Buffered().empty()) {
      NEARHIT_RETURN_IF_ERROR(FillInput());
      if (Buffered().empty()) {
        return DataLoss(name + ": the gzip stream ends early");
      }
    }
    inflater.next_in = reinterpret_cast<Bytef*>(input.data() + input_begin);
    inflater.avail_in = static_cast<uInt>(input_end - input_begin);
    inflater.next_out = reinterpret_cast<Bytef*>(inflated.data());
    inflater.avail_out = static_cast<uInt>(inflated.size());
    const int code = inflate(&inflater, Z_NO_FLUSH);
    Consume(input_end - input_begin - inflater.avail_in);
    if (code != Z_OK && code != Z_STREAM_END) {
      return DataLoss(name + ": damaged gzip stream near byte " + std::to_string(offset));
    }
    in_member = code != Z_STREAM_END;
    out = {inflated.data(), inflated.size() - inflater.avail_out};
  }
  return out;
}

ByteSource::ByteSource(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {
}
ByteSource::~ByteSource() = default;

Result<std::unique_ptr<ByteSource>> ByteSource::Open(const std::filesystem::path& path) {
  auto rep = std::make_unique<Rep>();
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
  if (rep->Buffered().starts_with(kGzipMagic)) {
    NEARHIT_RETURN_IF_ERROR(rep->StartGzip());
  }
  return std::unique_ptr<ByteSource>(new ByteSource(std::move(rep)));
}

Result<std::string_view> ByteSource::Next() {
  if (rep_->gzip) {
    return rep_->Inflate();
  }
  if (rep_->Buffered().empty()) {
    NEARHIT_RETURN_IF_ERROR(rep_->FillInput());
  }
  const std::string_view bytes = rep_->Buffered();
  rep_->Consume(bytes.size());
  return bytes;
}

const std::string& ByteSource::name() const {
  return rep_->name;
}
std::uint64_t ByteSource::offset() const {
  return rep_->offset;
}
std::uint64_t ByteSource::file_bytes() const {
  return rep_->file_bytes;
}

}  // namespace nearhit
