// One call, whatever brought it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

namespace nearhit::server {

using TimePoint = std::chrono::steady_clock::time_point;

// Made by the transport when a call arrives; what a transport learns about its caller belongs here.
struct CallContext {
  TimePoint deadline = TimePoint::max();
  std::function<bool()> cancelled{};  // by the caller; asked from any thread. Empty: never
  std::size_t request_bytes = 0;      // held while the call waits for a thread
};

}  // namespace nearhit::server
