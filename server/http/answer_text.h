// The bytes of an answer's head and of its chunks. For the sources of this folder.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nearhit::server {

// Whether an answer with this status has a body, and headers that say so (RFC 9110, section 6.4.1).
bool HasBody(int status);

void AppendStatusLine(int status, std::string* out);
void AppendHeader(std::string_view name, std::string_view value, std::string* out);
// What comes before the bytes of a chunk: "1f\r\n".
void AppendChunkSize(std::size_t size, std::string* out);

}  // namespace nearhit::server
