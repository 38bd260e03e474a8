// What the calls over HTTP take and answer, for programs: an OpenAPI document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/calls/any_call.h"

namespace nearhit::server {

// OpenAPI 3.1, made of the list of calls and the descriptors of their messages. Paths begin with
// `prefix`. A schema is stricter than the reader: it wants 64-bit numbers as the texts that answers
// have. Messages of answers only say which members are always there.
std::string MakeOpenApi(const std::vector<AnyCall>& calls, std::string_view prefix);

}  // namespace nearhit::server
