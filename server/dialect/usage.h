// The usage of answers that did not cost what it says.
#pragma once

#include <string>
#include <string_view>

#include "server/dialect/answer.h"

namespace nearhit::server {

// The body, or the data of an event, in which every number of its usage is 0, in inner objects too.
// Every other byte stays; so does all of it when the usage is missing or no object.
std::string WithZeroUsage(Api api, std::string_view json);

// The same in a block of a stream, as SseParser gives it.
std::string BlockWithZeroUsage(Api api, std::string_view block);

// The block without a member "usage" that is null, as chunks of chat and completions have it once a
// request asks for usage. Every other byte stays.
std::string BlockWithoutNullUsage(Api api, std::string_view block);

}  // namespace nearhit::server
