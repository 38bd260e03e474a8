#include "server/dialect/base64.h"

#include <cstddef>
#include <openssl/evp.h>

namespace nearhit::server {
namespace {

// OpenSSL counts in int.
constexpr std::size_t kPieceBytes = std::size_t{3} << 24;
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const unsigned char* Base64Input(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

void AppendBase64(std::string* out, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPieceBytes);
    const std::size_t begin = out->size();
    out->resize(begin + (piece.size() + 2) / 3 * 4 + 1);  // OpenSSL ends it with a zero
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out->data() + begin), Base64Input(piece),
                    static_cast<int>(piece.size()));
    out->pop_back();
    bytes.remove_prefix(piece.size());
  }
}

// OpenSSL takes blanks around, and "=" anywhere.
std::optional<std::string> FromBase64(std::string_view text) {
  const std::size_t digits = text.find_last_not_of('=') + 1;  // 0 when there is none
  const std::size_t padding = text.size() - digits;
  if (text.size() % 4 != 0 || padding > 2 || text.size() > kMaxTextBytes ||
      text.substr(0, digits).find_first_not_of(kAlphabet) != std::string_view::npos) {
    return std::nullopt;
  }
  std::string bytes(text.size() / 4 * 3, '\0');
  const int decoded = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                      Base64Input(text), static_cast<int>(text.size()));
  if (decoded != static_cast<int>(bytes.size())) {
    return std::nullopt;
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace nearhit::server
