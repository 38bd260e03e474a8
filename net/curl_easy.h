// What the clients of this folder share of curl's easy interface.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "net/http_client.h"

namespace nearhit {

struct CurlHandleDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, CurlHandleDeleter>;

struct CurlHeadersDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHeaders = std::unique_ptr<curl_slist, CurlHeadersDeleter>;

// Before anything else of curl. Thread-safe.
void InitCurl();

// Why curl must not be asked to send this; nothing when it may be. A line break in a method or a
// header would go out as it is.
std::optional<std::string> WhyNotSendable(std::string_view method,
                                          std::span<const HttpHeader> headers);

CurlHeaders MakeCurlHeaders(std::span<const HttpHeader> headers);

// `method` and the bytes of `body` must live until the exchange is over.
void SetCurlMethod(CURL* curl, const std::string& method, std::string_view body);

// The safety of every exchange: http and https only, no redirects, certificates are verified.
void SetCurlDefaults(CURL* curl);

// Of an exchange that ended with `code` and not by a decision of ours.
HttpOutcome OutcomeOf(CURLcode code);

// Collects the lines of a head as curl hands them out.
class HeadCollector {
 public:
  // A line with its line end; one with another control byte in it is left out, as whoever gets it
  // might see two lines. False when the head is over HttpClient::kMaxHeadBytes.
  bool Add(std::string_view line);
  // Once, before the first byte of the body or at the end of an answer without one. Lines that come
  // later are trailers, and dropped.
  HttpHead Take(CURL* curl);
  bool taken() const { return taken_; }

 private:
  HttpHead head_;
  std::size_t bytes_ = 0;
  bool taken_ = false;
};

}  // namespace nearhit
