// A small file beside the database that says how far it was durable. Storage that comes back older
// than its mark has lost writes in a way that its own recovery cannot see (a truncated log or
// manifest); the mark turns silent loss into a reported number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "nearhit/result.h"

namespace nearhit {

// The file's bytes, and back. Errors: kDataLoss for damage; kFailedPrecondition for another
// version.
std::string EncodeHighWaterMark(std::uint64_t sequence);
Result<std::uint64_t> DecodeHighWaterMark(std::string_view bytes);

// Replaces the mark: temporary file, fsync, rename, fsync of the directory.
// Errors: kUnavailable for I/O errors; the old mark stays then.
Status WriteHighWaterMark(const std::filesystem::path& path, std::uint64_t sequence);

// Errors: kNotFound; kDataLoss for a damaged mark; kFailedPrecondition for another version.
Result<std::uint64_t> ReadHighWaterMark(const std::filesystem::path& path);

}  // namespace nearhit
