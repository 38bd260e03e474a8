// The bytes of a text file as UTF-8: finds out how they are encoded, and refuses what is no text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "nearhit/status.h"

namespace nearhit {

// How many bytes of a file Begin wants to see, unless the file is shorter.
inline constexpr std::size_t kTextSampleBytes = 4'096;

// Thread-safety: externally synchronized.
class TextDecoder {
 public:
  // Looks at the first bytes of a file: UTF-8 and UTF-16 are known by their byte order mark, UTF-16
  // without one by its zeros. Errors: kFailedPrecondition for a file that is recognized as
  // something else (an archive, another compression, a table of Excel, a git-LFS pointer, UTF-32);
  // `name` names it there.
  Status Begin(std::string_view sample, const std::string& name);

  // Appends the text of the next bytes, from the first ones on, to `out`, without a byte order
  // mark. Half of a surrogate pair becomes bytes that are not valid UTF-8, as wrong UTF-8 stays
  // what it is.
  void Decode(std::string_view bytes, std::string* out);

  // After the last bytes: half a character becomes bytes that are not valid UTF-8.
  void Finish(std::string* out);

 private:
  enum class Encoding : std::uint8_t { kUtf8, kUtf16Little, kUtf16Big };

  void TakeUnit(std::uint32_t unit, std::string* out);

  Encoding encoding_ = Encoding::kUtf8;
  std::size_t skip_ = 0;   // bytes of the mark that are still to come
  bool has_half_ = false;  // of a UTF-16 unit
  unsigned char half_ = 0;
  std::uint32_t high_ = 0;  // the first half of a surrogate pair; 0: none
};

}  // namespace nearhit
