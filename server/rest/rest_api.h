// The calls of nearhit.v1 over HTTP with JSON: docs/http-api.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/calls/any_call.h"
#include "server/core/service_core.h"
#include "server/http/responder.h"

namespace nearhit::server {

// Before the path of every call. Paths that no provider has.
inline constexpr std::string_view kRestPrefix = "/nearhit/v1/";

// The time that a caller waits, in milliseconds; as the deadline of a call over gRPC.
inline constexpr std::string_view kTimeoutHeader = "x-nearhit-timeout-ms";
inline constexpr std::int64_t kDefaultTimeoutMs = 60'000;
inline constexpr std::int64_t kMaxTimeoutMs = 3'600'000;

// Thread-safety: thread-safe.
class RestApi {
 public:
  // `core` must outlive it and the calls that it has begun.
  explicit RestApi(ServiceCore* core);
  ~RestApi() = default;
  RestApi(const RestApi&) = delete;
  RestApi& operator=(const RestApi&) = delete;

  // Answers a request whose path begins with kRestPrefix, on the loop's thread, at once or later:
  // POST for a call, GET for openapi.json.
  void OnRequest(HttpServerRequest request, std::shared_ptr<HttpResponder> responder) const;

 private:
  ServiceCore* const core_;
  std::map<std::string, AnyCall, std::less<>> calls_;  // by path
  std::string openapi_;
};

}  // namespace nearhit::server
