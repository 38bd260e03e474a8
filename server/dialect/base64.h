// Base64 (RFC 4648, section 4), as providers write vectors.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nearhit::server {

// Appends `bytes` as text, with padding.
void AppendBase64(std::string* out, std::string_view bytes);

// The bytes of a text; nothing when it has any other character, or no whole padding.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace nearhit::server
