// UTF-8 validation at the edge of the engine (RFC 3629: no overlong forms, no surrogates).
#pragma once

#include <string_view>

namespace nearhit {

bool IsValidUtf8(std::string_view text);

}  // namespace nearhit
