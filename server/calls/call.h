// One unary call of nearhit.v1, whatever brings it: all that a transport needs to make it.
#pragma once

#include <functional>

#include "nearhit/v1/cache.pb.h"
#include "nearhit/v1/vectors.pb.h"
#include "server/core/service_core.h"

namespace nearhit::server {

// What a call needs a thread for that may wait. Fills the response, or says what is wrong.
template <typename Response>
struct RestOfCall {
  Lane lane = Lane::kStorage;
  std::function<Status(const CallContext&, Response*)> run{};
};

template <typename Request, typename Response>
struct UnaryCall {
  const char* name = nullptr;  // of the method: "nearhit.v1.Cache.Store"
  const char* path = nullptr;  // over HTTP, below /nearhit/v1/: "store"

  // The work, and the lane on which it may wait.
  Lane (*lane)(ServiceCore*, const Request&) = nullptr;
  Status (*run)(ServiceCore*, const Request&, const CallContext&, Response*) = nullptr;
  // Instead of both, for a call that is often done without a wait: as Begin().
  Status (*begin)(ServiceCore*, const Request&, const CallContext&, Response*,
                  RestOfCall<Response>* rest) = nullptr;

  // Begins the call on a thread that must not wait: does it, or sets `rest` and returns
  // kWouldBlock. The request must outlive the rest.
  Status Begin(ServiceCore* core, const Request& request, const CallContext& context,
               Response* response, RestOfCall<Response>* rest) const {
    if (begin != nullptr) {
      return begin(core, request, context, response, rest);
    }
    rest->lane = lane(core, request);
    rest->run = [call = run, core, &request](const CallContext& later, Response* out) {
      return call(core, request, later, out);
    };
    return WouldBlock("the call waits for storage or an embedder");
  }
};

// Answers of these kinds hold what is stored, or what a model made; others are small.
template <typename Response>
inline constexpr bool kMayBeLarge = false;
template <>
inline constexpr bool kMayBeLarge<v1::LookupResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::LookupBatchResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::LookupStreamResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::GetResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::ScanResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::SearchResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::SearchBatchResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::GetVectorResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::ScanVectorsResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::EmbedResponse> = true;

// Whether there is room for another answer.
template <typename Response>
Status CheckRoom(ServiceCore* core) {
  return kMayBeLarge<Response> ? core->answers().Check() : Status();
}

}  // namespace nearhit::server
