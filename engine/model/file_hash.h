// SHA-256 (FIPS 180-4) of a file, by OpenSSL.
#pragma once

#include <filesystem>
#include <string>

#include "nearhit/result.h"

namespace nearhit {

// 64 lower-case hexadecimal digits. Errors: kUnavailable, naming the file, when it cannot be read.
Result<std::string> FileSha256(const std::filesystem::path& file);

}  // namespace nearhit
