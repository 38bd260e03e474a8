// The member "cache" of a request. For the sources of this folder.
#pragma once

#include <simdjson.h>

#include "server/dialect/request_plan.h"

namespace nearhit::server {

// What is out of range, or of another type, is as if it were not there.
CacheMember ReadCacheMember(simdjson::dom::object request);

// Whether the member is there, and true.
bool IsTrue(simdjson::dom::object object, std::string_view name);

}  // namespace nearhit::server
