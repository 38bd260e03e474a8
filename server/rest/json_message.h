// Messages from JSON and to JSON, by protobuf's mapping (protobuf.dev/programming-guides/json).
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/message.h>

#include "nearhit/result.h"

namespace nearhit::server {

// Stricter than the mapping: see CheckJsonForm().
//
// Errors: kInvalidArgument; names the place, the size or the type, and never shows a value.
Status ReadJson(std::string_view json, google::protobuf::Message* message);

// Members have their names of the .proto file. Every field without presence is there, also one that
// has its default.
//
// Errors: kInternal for a message whose texts are not UTF-8.
Result<std::string> WriteJson(const google::protobuf::Message& message);

}  // namespace nearhit::server
