// The head of a request: its first line and its headers. For the sources of this folder.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "server/http/request.h"

namespace nearhit::server {

// Whether it is a header, or a trailer: a token, a colon, and no control bytes but tabs. Without
// its line end.
bool IsFieldLine(std::string_view line);

struct RequestHead {
  HttpServerRequest request{};  // without its body
  bool chunked = false;
  std::size_t length = 0;  // of the body, unless it is chunked
  bool expects_continue = false;
};

// Reads a head that every HTTP implementation reads alike (RFC 9112). What two of them could read
// in two ways is how requests are smuggled, so it is refused: a line that does not end in CRLF, a
// folded line, a blank before a colon, a control byte, no Host or two, two lengths or one that is
// not digits, a transfer encoding that is not exactly "chunked", that and a length together, or
// under HTTP/1.0.
//
// `bytes` have the blank line at their end. On a refusal `head` is of no use.
std::optional<RequestRefusal> ReadRequestHead(std::string_view bytes, const RequestLimits& limits,
                                              RequestHead* head);

}  // namespace nearhit::server
