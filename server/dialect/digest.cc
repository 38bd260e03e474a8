#include "server/dialect/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <span>

#include "base/check.h"

namespace nearhit::server {
namespace {

const unsigned char* DigestInput(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string HexOf(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 0xFU];
  }
  return hex;
}

}  // namespace

Digest Sha256(std::string_view bytes) {
  static const EVP_MD* const sha256 = EVP_sha256();
  Digest digest;
  NEARHIT_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, sha256, nullptr) ==
                1);
  return digest;
}

Digest HmacSha256(std::string_view key, std::string_view bytes) {
  Digest digest;
  NEARHIT_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), DigestInput(bytes),
                     bytes.size(), digest.data(), nullptr) != nullptr);
  return digest;
}

std::string RandomHex(std::size_t bytes) {
  std::array<std::uint8_t, 64> random{};
  NEARHIT_CHECK(bytes <= random.size() && RAND_bytes(random.data(), static_cast<int>(bytes)) == 1);
  return HexOf(std::span(random).first(bytes));
}

std::string ToHex(const Digest& digest) {
  return HexOf(digest);
}

}  // namespace nearhit::server
