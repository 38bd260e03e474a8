// Whole files, written so that a crash leaves the old or the new one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "nearhit/result.h"

namespace nearhit {

// Writes `bytes` to a temporary file beside `path`, fsyncs it, renames it over `path` and fsyncs
// the directory. Errors: kUnavailable, with the old file untouched.
Status WriteFileAtomically(const std::filesystem::path& path, std::string_view bytes);

// Errors: kNotFound; kUnavailable for I/O errors; kInvalidArgument when larger than `max_bytes`.
Result<std::string> ReadWholeFile(const std::filesystem::path& path, std::size_t max_bytes);

// Whether these are the first bytes of what git-LFS leaves in the place of a file that it did not
// fetch.
bool IsGitLfsPointer(std::string_view bytes);
// What to say then, behind the file's name.
inline constexpr std::string_view kGitLfsAdvice =
    "is a git-LFS pointer, not the file itself; run `git lfs pull` where it was cloned, or "
    "download "
    "the file";

// A file's bytes as memory, read when they are touched and shared with every process that maps it.
// The file must keep its length meanwhile: it is one that nobody writes in place, such as those of
// WriteFileAtomically.
//
// Thread-safety: immutable.
class MappedFile {
 public:
  // Errors: kNotFound; kUnavailable for I/O errors.
  static Result<MappedFile> Open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  std::string_view bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::string_view bytes) : bytes_(bytes) {}

  std::string_view bytes_;  // empty: nothing is mapped
};

}  // namespace nearhit
