// Files of tests/golden: what a format version looked like on disk, as hex text ('#' begins a
// comment). They are never changed; a new format version gets a new directory.
#pragma once

#include <string>
#include <string_view>

namespace nearhit {

// The bytes of tests/golden/v<version>/<name>.hex. Empty when the file is not there.
//
// With NEARHIT_WRITE_GOLDEN set, a file that is not there is made from `bytes` first: how a new
// kind of record gets its file.
std::string Golden(const std::string& name, std::string_view bytes = {}, int version = 1);

// Hex text in rows of 16 bytes, as in the files: differences are easy to see.
std::string ToHex(std::string_view bytes);

}  // namespace nearhit
