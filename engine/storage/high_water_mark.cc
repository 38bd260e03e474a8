#include "engine/storage/high_water_mark.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "base/coding.h"
#include "base/descriptor.h"
#include "base/file.h"
#include "base/hash.h"

namespace nearhit {

namespace {

constexpr std::uint64_t kMagic = 0x314b52414d57484eULL;  // "NHWMARK1"
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

void PutExtent(std::string* bytes, const FileExtent& extent) {
  PutFixed(bytes, extent.number);
  PutFixed(bytes, extent.bytes);
}

FileExtent ReadExtent(ByteReader* reader) {
  const auto number = reader->Fixed<std::uint64_t>();
  const auto bytes = reader->Fixed<std::uint64_t>();
  return {.number = number, .bytes = bytes};
}

// Needs no space. A crash in the middle leaves a damaged mark, which is set aside.
Status OverwriteShorter(const std::filesystem::path& path, std::string_view bytes) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const auto size = static_cast<ssize_t>(bytes.size());
  if (fd.get() < 0 || ::pwrite(fd.get(), bytes.data(), bytes.size(), 0) != size ||
      ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0 || ::fsync(fd.get()) != 0) {
    return Unavailable("cannot write " + path.string() + ": " +
                       std::generic_category().message(errno));
  }
  return Status();
}

bool Ascends(const std::vector<FileExtent>& logs) {
  return std::adjacent_find(logs.begin(), logs.end(), [](const FileExtent& a, const FileExtent& b) {
           return a.number >= b.number;
         }) == logs.end();
}

}  // namespace

std::string EncodeHighWaterMark(const HighWaterMark& mark) {
  const bool files = mark.manifest.number != 0 || !mark.logs.empty();
  std::string bytes;
  PutFixed(&bytes, kMagic);
  PutFixed(&bytes, files ? kVersion : std::uint32_t{1});
  PutFixed(&bytes, mark.sequence);
  if (files) {
    PutExtent(&bytes, mark.manifest);
    PutFixed(&bytes, static_cast<std::uint32_t>(mark.logs.size()));
    for (const FileExtent& log : mark.logs) {
      PutExtent(&bytes, log);
    }
  }
  const std::uint64_t checksum = Hash64(bytes);
  PutFixed(&bytes, checksum);
  return bytes;
}

Result<HighWaterMark> DecodeHighWaterMark(std::string_view bytes) {
  constexpr std::size_t kChecksum = sizeof(std::uint64_t);
  const auto damaged = [] { return DataLoss("high-water mark is damaged"); };
  if (bytes.size() < kChecksum) {
    return damaged();
  }
  ByteReader reader(bytes);
  const auto magic = reader.Fixed<std::uint64_t>();
  const auto version = reader.Fixed<std::uint32_t>();
  HighWaterMark mark;
  mark.sequence = reader.Fixed<std::uint64_t>();
  ByteReader end(bytes.substr(bytes.size() - kChecksum));
  if (magic != kMagic ||
      end.Fixed<std::uint64_t>() != Hash64(bytes.substr(0, bytes.size() - kChecksum))) {
    return damaged();
  }
  if (version != 1 && version != kVersion) {
    return FailedPrecondition("high-water mark version " + std::to_string(version) +
                              " is not readable by this build (reads 1 and " +
                              std::to_string(kVersion) + ")");
  }
  if (version == kVersion) {
    mark.manifest = ReadExtent(&reader);
    const auto count = reader.Fixed<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
      mark.logs.push_back(ReadExtent(&reader));
    }
  }
  reader.Fixed<std::uint64_t>();  // the checksum
  const bool files = mark.manifest.number != 0 || !mark.logs.empty();
  if (!reader.AtEnd() || files != (version == kVersion) || !Ascends(mark.logs)) {
    return damaged();
  }
  return mark;
}

Status WriteHighWaterMark(const std::filesystem::path& path, const HighWaterMark& mark) {
  return WriteFileAtomically(path, EncodeHighWaterMark(mark));
}

Result<HighWaterMark> ReadHighWaterMark(const std::filesystem::path& path) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path, kMaxBytes));
  return DecodeHighWaterMark(bytes);
}

void MarkFile::Known(HighWaterMark mark) {
  MutexLock lock(&mu_);
  mark_ = std::move(mark);
}

Status MarkFile::Record(HighWaterMark mark, const std::function<std::vector<FileExtent>()>& logs) {
  MutexLock lock(&mu_);
  mark.logs = logs();
  NEARHIT_RETURN_IF_ERROR(WriteHighWaterMark(path_, mark));
  mark_ = std::move(mark);
  return Status();
}

Status MarkFile::Forget(std::uint64_t log) {
  MutexLock lock(&mu_);
  HighWaterMark mark = mark_;
  if (std::erase_if(mark.logs, [log](const FileExtent& it) { return it.number == log; }) == 0) {
    return Status();
  }
  if (!WriteHighWaterMark(path_, mark).ok()) {  // a full disk, which the log's end is to relieve
    NEARHIT_RETURN_IF_ERROR(OverwriteShorter(path_, EncodeHighWaterMark(mark)));
  }
  mark_ = std::move(mark);
  return Status();
}

}  // namespace nearhit
