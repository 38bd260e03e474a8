#include "engine/model/file_hash.h"

#include <array>
#include <cstddef>
#include <fstream>
#include <memory>
#include <openssl/evp.h>
#include <vector>

#include "base/check.h"

namespace nearhit {

Result<std::string> FileSha256(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  NEARHIT_CHECK(context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  std::vector<char> buffer(std::size_t{1} << 20);
  while (stream.good()) {
    stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto count = static_cast<std::size_t>(stream.gcount());
    NEARHIT_CHECK(EVP_DigestUpdate(context.get(), buffer.data(), count) == 1);
  }
  if (!stream.eof()) {
    return Unavailable(file.filename().string() + " cannot be read");
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  NEARHIT_CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[digest[i] >> 4U];
    text += kDigits[digest[i] & 15U];
  }
  return text;
}

}  // namespace nearhit
