#include "base/utf8.h"

#include <utf8proc.h>

namespace nearhit {

bool IsValidUtf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    if (*bytes < 0x80) {
      ++bytes;
      --left;
      continue;
    }
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(bytes, left, &code_point);
    if (size <= 0) {
      return false;
    }
    bytes += size;
    left -= size;
  }
  return true;
}

}  // namespace nearhit
