// Writes rows of float32 as one .npy file, row by row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>

#include "nearhit/result.h"

namespace nearhit {

// Rows go to `path`.tmp until Finish() knows how many there are and puts the file in its place. An
// older file stays as it was until then, and for good when Finish() is not reached.
//
// Thread-safety: externally synchronized.
class NpyWriter {
 public:
  // Errors: kInvalidArgument when the file cannot be written.
  static Result<std::unique_ptr<NpyWriter>> Create(const std::filesystem::path& path,
                                                   std::size_t dimension);
  ~NpyWriter();
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;

  // Requires: row.size() is the dimension.
  void Append(std::span<const float> row);

  // Once. Errors: kUnavailable when anything could not be written, with `path` untouched.
  Status Finish();

 private:
  NpyWriter(const std::filesystem::path& path, std::size_t dimension);
  void WriteHeader();

  const std::filesystem::path path_;
  const std::filesystem::path temporary_;
  const std::size_t dimension_;
  std::uint64_t rows_ = 0;
  bool finished_ = false;
  std::ofstream file_;
};

}  // namespace nearhit
