// How gRPC says that a call failed, and when it has to be done.
#pragma once

#include <chrono>

#include <grpcpp/support/status.h>

#include "nearhit/result.h"
#include "server/core/call_context.h"

namespace nearhit::server {

// Same number, same message (clipped to 1 KiB, because it travels in a header).
grpc::Status ToGrpcStatus(const Status& status);

// A wall-clock deadline as gRPC gives it, on the steady clock; max() stays max().
TimePoint ToSteadyDeadline(std::chrono::system_clock::time_point deadline);

}  // namespace nearhit::server
