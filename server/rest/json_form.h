// The form of a JSON text that is to be a message: what protobuf's own reader lets pass.
#pragma once

#include <string_view>

#include <google/protobuf/descriptor.h>

#include "nearhit/result.h"

namespace nearhit::server {

// Whether `json` is one JSON object (RFC 8259, in UTF-8) with the form of `type`: members by their
// names in the .proto file, each once; one of those of a oneof; lists where there are lists,
// objects where there are messages. Values are not looked at. It is read in one pass, without
// recursion.
//
// Errors: kInvalidArgument; names the place ("items[3].prompt"), and never shows a value.
Status CheckJsonForm(std::string_view json, const google::protobuf::Descriptor& type);

}  // namespace nearhit::server
