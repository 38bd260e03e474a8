// Requests of HTTP. Input: a length byte and lengths of pieces; then bytes of a connection. Read in
// any pieces they are the same requests and refusals; and what is accepted is read the same once it
// is written in the plainest form.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/request.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit::server {
namespace {

// Small, so that inputs reach them.
constexpr RequestLimits kLimits{.head_bytes = 512, .headers = 8, .body_bytes = 256};
constexpr RequestLimits kPlainLimits{.head_bytes = 1024, .headers = 9, .body_bytes = 256};

bool IsOfFraming(const HttpHeader& header) {
  return header.name == "content-length" || header.name == "transfer-encoding" ||
         header.name == "expect";
}

// The first line says all that is not a header.
std::string Plain(const HttpServerRequest& request) {
  std::string text = request.method + " " + request.target +
                     (request.http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const HttpHeader& header : request.headers) {
    text += IsOfFraming(header) ? "" : header.name + ": " + header.value + "\r\n";
  }
  text += "content-length: " + std::to_string(request.body.size()) + "\r\n\r\n";
  return text + request.body;
}

struct Outcome {
  std::vector<std::string> requests;  // in their plainest form
  std::vector<bool> keep_alive;
  int status = 0;  // of the refusal
  std::string reason;
  bool whole = true;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// `lengths` are those of the pieces, again and again.
Outcome Read(std::string_view bytes, std::string_view lengths, const RequestLimits& limits) {
  Outcome outcome;
  RequestReader reader(limits);
  for (std::size_t piece = 0; !bytes.empty(); ++piece) {
    // Pieces may be empty: at least one byte then.
    const std::size_t length =
        lengths.empty()
            ? bytes.size()
            : std::max<std::size_t>(1, static_cast<std::uint8_t>(lengths[piece % lengths.size()]));
    std::string_view fed = bytes.substr(0, length);
    bytes.remove_prefix(fed.size());
    while (!fed.empty() && reader.state() != RequestReader::State::kRefused) {
      const std::size_t taken = reader.Feed(fed);
      FUZZ_CHECK(taken > 0 && taken <= fed.size());
      fed.remove_prefix(taken);
      if (reader.state() == RequestReader::State::kComplete) {
        const HttpServerRequest request = reader.Take();
        FUZZ_CHECK(request.body.size() <= limits.body_bytes);
        outcome.keep_alive.push_back(request.keep_alive);
        outcome.requests.push_back(Plain(request));
      }
    }
  }
  outcome.whole = reader.state() == RequestReader::State::kIdle;
  if (reader.state() == RequestReader::State::kRefused) {
    outcome.status = reader.refusal().status;
    outcome.reason = reader.refusal().reason;
    FUZZ_CHECK(outcome.status >= 400 && !outcome.reason.empty());
  }
  return outcome;
}

void Run(FuzzInput input) {
  const std::string_view lengths = input.Short();
  const std::string_view bytes = input.Rest();
  const Outcome whole = Read(bytes, "", kLimits);
  FUZZ_CHECK(Read(bytes, lengths, kLimits) == whole);
  FUZZ_CHECK(Read(bytes, "\1", kLimits) == whole);
  std::string plain;
  for (const std::string& request : whole.requests) {
    plain += request;
  }
  const Outcome again = Read(plain, "", kPlainLimits);
  FUZZ_CHECK(again.requests == whole.requests);
  FUZZ_CHECK(again.keep_alive == whole.keep_alive);
  FUZZ_CHECK(again.status == 0 && again.whole);
}

}  // namespace
}  // namespace nearhit::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::server::Run(nearhit::FuzzInput(data, size));
  return 0;
}
