// The key with which the gateway makes digests of credentials.
#pragma once

#include <filesystem>
#include <string>

#include "nearhit/result.h"

namespace nearhit::server {

// 32 random bytes.
std::string NewSecret();

// The secret in this file, which is made when it is missing, for its owner alone to read. Without
// it nobody finds the entries that were stored under another.
//
// Errors: kUnavailable when the file cannot be read or made; kDataLoss when it is not a secret.
Result<std::string> LoadOrMakeSecret(const std::filesystem::path& path);

}  // namespace nearhit::server
