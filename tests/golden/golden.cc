#include "tests/golden/golden.h"

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace nearhit {

std::string ToHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
    text += i % 16 == 15 || i + 1 == bytes.size() ? '\n' : ' ';
  }
  return text;
}

std::string Golden(const std::string& name, std::string_view bytes, int version) {
  const std::filesystem::path path = std::filesystem::path(NEARHIT_SOURCE_DIR) / "tests" /
                                     "golden" / ("v" + std::to_string(version)) / (name + ".hex");
  if (std::getenv("NEARHIT_WRITE_GOLDEN") != nullptr && !std::filesystem::exists(path)) {
    std::ofstream(path) << "# " << name << "\n" << ToHex(bytes);
  }
  std::ifstream file(path);
  std::string out;
  std::string digits;
  for (std::string line; std::getline(file, line);) {
    for (const char c : line.substr(0, line.find('#'))) {
      if (std::isxdigit(static_cast<unsigned char>(c)) == 0) {
        continue;
      }
      digits += c;
      if (digits.size() == 2) {
        out += static_cast<char>(std::stoi(digits, nullptr, 16));
        digits.clear();
      }
    }
  }
  return out;
}

}  // namespace nearhit
