#include "server/rest/rest_api.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <utility>

#include "server/rest/http_error.h"
#include "server/rest/openapi.h"
#include "server/rest/rest_call.h"

namespace nearhit::server {
namespace {

constexpr std::string_view kOpenApiPath = "openapi.json";

// What a call that cannot begin gets.
struct Refusal {
  int status = 400;
  std::string_view code = "INVALID_ARGUMENT";
  std::string message{};
  std::string_view allow{};  // the method that there is
};

void Refuse(const Refusal& refusal, HttpResponder* responder) {
  std::vector<HttpHeader> headers = {{.name = "content-type", .value = "application/json"}};
  if (!refusal.allow.empty()) {
    headers.push_back({.name = "allow", .value = std::string(refusal.allow)});
  }
  responder->Send(refusal.status, std::move(headers), ErrorBody(refusal.code, refusal.message));
}

Refusal WrongMethod(std::string_view allow) {
  return {.status = 405,
          .code = "UNIMPLEMENTED",
          .message = "use " + std::string(allow),
          .allow = allow};
}

// A page of another site can make a browser send a form or a plain text without a question, but no
// JSON.
bool SaysJson(const HttpServerRequest& request) {
  constexpr std::string_view kJson = "application/json";
  const std::string* type = request.Header("content-type");
  if (type == nullptr) {
    return false;
  }
  std::string media = type->substr(0, type->find(';'));
  media.erase(media.find_last_not_of(" \t") + 1);
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return std::equal(media.begin(), media.end(), kJson.begin(), kJson.end(), same);
}

Result<TimePoint> DeadlineOf(const HttpServerRequest& request) {
  std::int64_t millis = kDefaultTimeoutMs;
  if (const std::string* header = request.Header(kTimeoutHeader)) {
    const char* const end = header->data() + header->size();
    const auto [stop, error] = std::from_chars(header->data(), end, millis);
    if (error != std::errc() || stop != end || millis < 1 || millis > kMaxTimeoutMs) {
      return InvalidArgument(std::string(kTimeoutHeader) + " is not a number from 1 to " +
                             std::to_string(kMaxTimeoutMs));
    }
  }
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(millis);
}

}  // namespace

RestApi::RestApi(ServiceCore* core) : core_(core) {
  const std::vector<AnyCall> calls = AllCalls();
  openapi_ = MakeOpenApi(calls, kRestPrefix);
  for (const AnyCall& call : calls) {
    calls_.emplace(call.path, call);
  }
}

void RestApi::OnRequest(HttpServerRequest request, std::shared_ptr<HttpResponder> responder) const {
  const std::string_view path = request.path().substr(kRestPrefix.size());
  if (path == kOpenApiPath) {
    if (request.method == "GET") {
      responder->Send(200, {{.name = "content-type", .value = "application/json"}}, openapi_);
    } else {
      Refuse(WrongMethod("GET"), responder.get());
    }
    return;
  }
  const auto call = calls_.find(path);
  if (call == calls_.end()) {
    return Refuse({.status = 404, .code = "NOT_FOUND", .message = "there is no such call"},
                  responder.get());
  }
  if (request.method != "POST") {
    return Refuse(WrongMethod("POST"), responder.get());
  }
  if (!SaysJson(request)) {
    return Refuse({.status = 415, .message = "content-type is not application/json"},
                  responder.get());
  }
  const auto deadline = DeadlineOf(request);
  if (!deadline.ok()) {
    return Refuse({.message = std::string(deadline.status().message())}, responder.get());
  }
  std::make_shared<RestCall>(core_, call->second, std::move(request.body), *deadline,
                             std::move(responder))
      ->Start();
}

}  // namespace nearhit::server
