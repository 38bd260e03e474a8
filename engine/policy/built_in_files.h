// Files of this folder as they are built into the library.
#pragma once

#include <array>
#include <string_view>

namespace nearhit {

struct WordFile {
  std::string_view language;
  std::string_view text;
};
extern const std::array<WordFile, 10> kWordFiles;  // of words/

extern const std::string_view kVerifierFile;  // verifier.txt

}  // namespace nearhit
