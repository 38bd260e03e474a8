// Bytes of the wire to messages, with an error that says what is wrong.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include "nearhit/result.h"

namespace nearhit::server {

// Parses `bytes`, which are empty afterwards, into `message`.
//
// Errors: kInvalidArgument; names the first text that is not UTF-8 by its place ("prompt.slot"), if
// that is what is wrong.
Status Parse(grpc::ByteBuffer* bytes, google::protobuf::Message* message);

}  // namespace nearhit::server
