// A small file beside the database that says how far it was durable. Storage that comes back older
// than its mark has lost writes in a way that its own recovery cannot see (a truncated log or
// manifest); the mark turns silent loss into a refusal or a reported number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "nearhit/result.h"

namespace nearhit {

// A file of RocksDB, and how many of its bytes were on the device.
struct FileExtent {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;

  bool operator==(const FileExtent&) const = default;
};

struct HighWaterMark {
  std::uint64_t sequence = 0;
  FileExtent manifest{};           // the one that CURRENT names; number 0: not known
  std::vector<FileExtent> logs{};  // by ascending number; each is there until the mark forgets it

  bool operator==(const HighWaterMark&) const = default;
};

// The file's bytes, and back: version 1 when no file is known. Errors: kDataLoss for damage;
// kFailedPrecondition for another version.
std::string EncodeHighWaterMark(const HighWaterMark& mark);
Result<HighWaterMark> DecodeHighWaterMark(std::string_view bytes);

// Replaces the mark: temporary file, fsync, rename, fsync of the directory.
// Errors: kUnavailable for I/O errors; the old mark stays then.
Status WriteHighWaterMark(const std::filesystem::path& path, const HighWaterMark& mark);

// Errors: kNotFound; kDataLoss for a damaged mark; kFailedPrecondition for another version.
Result<HighWaterMark> ReadHighWaterMark(const std::filesystem::path& path);

// The mark of a database that is open. Thread-safety: thread-safe.
class MarkFile {
 public:
  explicit MarkFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~MarkFile() = default;
  MarkFile(const MarkFile&) = delete;
  MarkFile& operator=(const MarkFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // What the file says already.
  void Known(HighWaterMark mark) NEARHIT_EXCLUDES(mu_);
  // With the logs that `logs` gives, which is called under the lock: a log that is left out of
  // them before Forget is called does not come back. Errors as those of WriteHighWaterMark.
  Status Record(HighWaterMark mark, const std::function<std::vector<FileExtent>()>& logs)
      NEARHIT_EXCLUDES(mu_);
  // Before a log is deleted.
  Status Forget(std::uint64_t log) NEARHIT_EXCLUDES(mu_);

 private:
  const std::filesystem::path path_;
  Mutex mu_;
  HighWaterMark mark_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
