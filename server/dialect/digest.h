// Cryptographic digests: who may not read a text may not find its twin either.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nearhit::server {

using Digest = std::array<std::uint8_t, 32>;

Digest Sha256(std::string_view bytes);
// RFC 2104.
Digest HmacSha256(std::string_view key, std::string_view bytes);
// So many bytes that nobody can guess, in hexadecimal.
std::string RandomHex(std::size_t bytes);
// Lower case.
std::string ToHex(const Digest& digest);

}  // namespace nearhit::server
