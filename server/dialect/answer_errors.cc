// Errors in the shape of each dialect.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "server/dialect/answer.h"
#include "server/dialect/answer_json.h"

namespace nearhit::server {
namespace {

struct StatusName {
  int status;
  std::string_view name;
};

constexpr std::string_view kInvalidRequest = "invalid_request_error";

constexpr std::array<StatusName, 5> kOpenAiNames = {{{401, "authentication_error"},
                                                     {403, "permission_error"},
                                                     {408, "timeout_error"},
                                                     {429, "rate_limit_error"},
                                                     {504, "timeout_error"}}};
constexpr std::array<StatusName, 10> kAnthropicNames = {{{401, "authentication_error"},
                                                         {402, "billing_error"},
                                                         {403, "permission_error"},
                                                         {404, "not_found_error"},
                                                         {408, "timeout_error"},
                                                         {413, "request_too_large"},
                                                         {429, "rate_limit_error"},
                                                         {503, "overloaded_error"},
                                                         {504, "timeout_error"},
                                                         {529, "overloaded_error"}}};

template <std::size_t Size>
std::string_view NameOf(int status, const std::array<StatusName, Size>& names,
                        std::string_view of_server) {
  const auto found = std::find_if(names.begin(), names.end(), [status](const StatusName& name) {
    return name.status == status;
  });
  if (found != names.end()) {
    return found->name;
  }
  return status >= 500 ? of_server : kInvalidRequest;
}

AnswerJson OpenAiError(std::string_view type, std::string_view message) {
  AnswerJson error = AnswerJson::object();
  error["message"] = std::string(message);
  error["type"] = std::string(type);
  error["param"] = nullptr;
  error["code"] = nullptr;
  return error;
}

AnswerJson AnthropicBody(std::string_view type, std::string_view message) {
  AnswerJson body = AnswerJson::object();
  body["type"] = "error";
  body["error"]["type"] = std::string(type);
  body["error"]["message"] = std::string(message);
  return body;
}

}  // namespace

std::string ErrorBody(Api api, int status, std::string_view message, std::string_view request_id) {
  if (api == Api::kMessages) {
    AnswerJson body = AnthropicBody(NameOf(status, kAnthropicNames, "api_error"), message);
    if (!request_id.empty()) {
      body["request_id"] = std::string(request_id);
    }
    return DumpJson(body);
  }
  AnswerJson body = AnswerJson::object();
  body["error"] = OpenAiError(NameOf(status, kOpenAiNames, "server_error"), message);
  return DumpJson(body);
}

std::string ErrorEvent(Api api, std::string_view message, std::uint64_t sequence_number) {
  AnswerJson data = AnswerJson::object();
  if (api == Api::kMessages) {
    data = AnthropicBody("api_error", message);
  } else if (api == Api::kResponses) {
    data["type"] = "error";
    data["code"] = "server_error";
    data["message"] = std::string(message);
    data["param"] = nullptr;
    data["sequence_number"] = sequence_number;
    // Not in the documented event, but openai-python raises only on this member.
    data["error"] = OpenAiError("server_error", message);
  } else {
    data["error"] = OpenAiError("server_error", message);
  }
  return FormatSse("error", DumpJson(data));
}

}  // namespace nearhit::server
