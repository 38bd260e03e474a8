// Whole files, written so that a crash leaves the old or the new one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "nearhit/result.h"

namespace nearhit {

// Writes `bytes` to a temporary file beside `path`, fsyncs it, renames it over `path` and fsyncs the
// directory. Errors: kUnavailable, with the old file untouched.
Status WriteFileAtomically(const std::filesystem::path& path, std::string_view bytes);

// Errors: kNotFound; kUnavailable for I/O errors; kInvalidArgument when larger than `max_bytes`.
Result<std::string> ReadWholeFile(const std::filesystem::path& path, std::size_t max_bytes);

}  // namespace nearhit
