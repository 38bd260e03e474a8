#include "net/curl_easy.h"

#include <algorithm>
#include <cctype>
#include <mutex>
#include <utility>

#include "base/check.h"

namespace nearhit {
namespace {

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

// A method or the name of a header.
bool IsName(std::string_view text) {
  return !text.empty() && !HasControls(text) &&
         text.find_first_of(": \t;") == std::string_view::npos;
}

bool IsHeader(const HttpHeader& header) {
  return IsName(header.name) && !HasControls(header.value);
}

void Append(const std::string& line, CurlHeaders* list) {
  curl_slist* longer = curl_slist_append(list->get(), line.c_str());
  NEARHIT_CHECK(longer != nullptr);  // out of memory
  static_cast<void>(list->release());
  list->reset(longer);
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

}  // namespace

void InitCurl() {
  static std::once_flag once;
  std::call_once(once, [] { NEARHIT_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

std::optional<std::string> WhyNotSendable(std::string_view method,
                                          std::span<const HttpHeader> headers) {
  if (!IsName(method)) {
    return "the method is not one";
  }
  if (!std::all_of(headers.begin(), headers.end(), IsHeader)) {
    return "a header is not one";
  }
  return std::nullopt;
}

CurlHeaders MakeCurlHeaders(std::span<const HttpHeader> headers) {
  CurlHeaders list;
  Append("Expect:", &list);  // without a value curl does not ask before it sends a large body
  for (const HttpHeader& header : headers) {
    Append(header.value.empty() ? header.name + ";" : header.name + ": " + header.value, &list);
  }
  return list;
}

void SetCurlMethod(CURL* curl, const std::string& method, std::string_view body) {
  if (method == "GET" && body.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    return;
  }
  if (method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  if (method == "POST" || !body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  }
  if (method != "POST") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
}

void SetCurlDefaults(CURL* curl) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

HttpOutcome OutcomeOf(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpOutcome::kAnswered;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpOutcome::kTimeout;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return HttpOutcome::kConnection;
    default:
      return HttpOutcome::kRefused;
  }
}

bool HeadCollector::Add(std::string_view line) {
  if (taken_) {
    return true;
  }
  if (line.starts_with("HTTP/")) {
    head_.headers.clear();  // those before belong to an informational head
  }
  bytes_ += line.size();
  if (bytes_ > HttpClient::kMaxHeadBytes) {
    return false;
  }
  const std::size_t colon = line.find(':');
  const std::size_t end = line.find_last_not_of("\r\n");
  if (colon != std::string_view::npos && !HasControls(line.substr(0, end + 1))) {
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    head_.headers.push_back(
        {.name = std::move(name), .value = std::string(Trim(line.substr(colon + 1)))});
  }
  return true;
}

HttpHead HeadCollector::Take(CURL* curl) {
  taken_ = true;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &head_.status);
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  head_.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, 86'400));
  return std::move(head_);
}

}  // namespace nearhit
