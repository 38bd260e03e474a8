#include "engine/storage/bearings.h"

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/file.h"
#include "engine/storage/log_repair.h"

namespace nearhit {

namespace {

constexpr std::string_view kManifest = "MANIFEST-";

std::string OfBytes(std::uint64_t bytes, std::uint64_t durable) {
  return " has " + std::to_string(bytes) + " bytes, " + std::to_string(durable) + " were durable";
}

std::optional<std::uint64_t> SizeOf(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  return error ? std::nullopt : std::optional<std::uint64_t>(bytes);
}

// What CURRENT says.
Result<std::string> ManifestName(const std::filesystem::path& directory) {
  NEARHIT_ASSIGN_OR_RETURN(std::string name, ReadWholeFile(directory / "CURRENT", 64));
  if (!name.starts_with(kManifest) || !name.ends_with('\n')) {
    return DataLoss("storage is damaged: " + (directory / "CURRENT").string() +
                    " names no manifest");
  }
  name.pop_back();
  return name;
}

Result<std::uint64_t> NumberOf(const std::string& name) {
  std::uint64_t number = 0;
  const char* const last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data() + kManifest.size(), last, number);
  if (error != std::errc() || end != last) {
    return DataLoss("storage is damaged: CURRENT names " + name);
  }
  return number;
}

}  // namespace

Result<Bearings> CheckFiles(const std::filesystem::path& directory, const HighWaterMark& mark) {
  const Result<std::string> name = ManifestName(directory);
  if (name.status().code() == StatusCode::kNotFound) {
    return DataLoss("storage is damaged: " + (directory / "CURRENT").string() +
                    " is missing, but HIGHWATER is there");
  }
  NEARHIT_RETURN_IF_ERROR(name.status());
  NEARHIT_ASSIGN_OR_RETURN(const std::uint64_t number, NumberOf(*name));
  const std::filesystem::path manifest = directory / *name;
  if (number < mark.manifest.number) {
    return DataLoss("storage is damaged: CURRENT names " + *name + ", but there was number " +
                    std::to_string(mark.manifest.number));
  }
  const std::uint64_t bytes = SizeOf(manifest).value_or(0);
  if (number == mark.manifest.number && bytes < mark.manifest.bytes) {
    return DataLoss("storage is damaged: " + manifest.string() +
                    OfBytes(bytes, mark.manifest.bytes));
  }
  Bearings bearings{.certain = number == mark.manifest.number};
  for (const FileExtent& log : mark.logs) {
    const std::filesystem::path path = LogPath(directory, log.number);
    const std::optional<std::uint64_t> size = SizeOf(path);
    if (!size) {
      return DataLoss("storage is damaged: " + path.string() + " is missing");
    }
    if (*size < log.bytes) {
      bearings.certain = false;
      bearings.lost.push_back(path.string() + OfBytes(*size, log.bytes));
    }
  }
  return bearings;
}

Result<FileExtent> SyncManifest(const std::filesystem::path& directory) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string name, ManifestName(directory));
  NEARHIT_ASSIGN_OR_RETURN(const std::uint64_t number, NumberOf(name));
  const Descriptor fd(::open((directory / name).c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0 || ::fsync(fd.get()) != 0) {
    return Unavailable("cannot sync " + name + ": " + std::generic_category().message(errno));
  }
  return FileExtent{.number = number, .bytes = static_cast<std::uint64_t>(info.st_size)};
}

}  // namespace nearhit
