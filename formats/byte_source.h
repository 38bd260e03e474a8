// Bytes of a file from beginning to end; those of a gzip file (seen from its first bytes) unpacked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: externally synchronized.
class ByteSource {
 public:
  // "-" reads standard input. Errors: kNotFound; kUnavailable when it cannot be read.
  static Result<std::unique_ptr<ByteSource>> Open(const std::filesystem::path& path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  // The next bytes, empty at the end; valid until the next call. Zeros behind a gzip member are
  // padding and passed over. Errors: kUnavailable; kDataLoss for a damaged gzip stream. After an
  // error there is no next call.
  Result<std::string_view> Next();

  const std::string& name() const;   // for errors
  std::uint64_t offset() const;      // bytes of the file consumed
  std::uint64_t file_bytes() const;  // 0 when not known (standard input)

 private:
  struct Rep;
  explicit ByteSource(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace nearhit
