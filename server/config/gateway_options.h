// What the HTTP gateway listens on, where it forwards to, and whose answers it shares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"

namespace nearhit::server {

// Whose answers a caller gets.
enum class Isolation : std::uint8_t {
  kCaller,  // those to requests with the same credential
  kShared,  // everybody's
};

// What a hit says of the tokens that it took.
enum class HitUsage : std::uint8_t {
  kRecorded,  // as the provider counted them for the stored answer
  kZero,
};

// How a stream comes from the cache.
enum class ReplayMode : std::uint8_t {
  kBurst,     // at once
  kRecorded,  // with the pauses between its events as they were recorded
};

// Who may make the calls of nearhit.v1 over HTTP: they read and change every namespace.
enum class HttpApi : std::uint8_t {
  kLoopback,  // everybody on this machine: served when the listener is on a loopback address
  kAlways,    // everybody who reaches the listener
  kNever,
};

enum class UpstreamDialect : std::uint8_t { kAny, kOpenAi, kAnthropic };

// A provider. Requests go to the first whose dialect and models fit; `tier` orders the others,
// which are asked when it cannot be reached, or says 429 or 5xx.
struct UpstreamOptions {
  std::string name{};  // for metrics; by default the host of `url`
  std::string url{};   // "https://api.openai.com"; a path is put before that of requests
  UpstreamDialect dialect = UpstreamDialect::kAny;
  std::vector<std::string> models{};  // names, or beginnings that end in "*"; empty: all
  std::string api_key_env{};          // at most one of these two; neither: callers bring theirs
  std::string api_key_file{};
  std::uint32_t tier = 0;    // lower ones first
  std::uint32_t weight = 1;  // of those of one tier: the share of requests it is asked first for
  // Whether streams are asked for their usage (stream_options.include_usage), to count tokens. The
  // chunk that says it is left out again for clients that did not ask.
  bool ask_usage = true;
  std::uint32_t connect_timeout_ms = 5'000;
  std::uint32_t first_byte_timeout_ms = 600'000;
  std::uint32_t idle_timeout_ms = 120'000;

  friend bool operator==(const UpstreamOptions&, const UpstreamOptions&) = default;
};

// An upstream that is nothing but a URL. Errors: kInvalidArgument for one that does not begin with
// http:// or https://, or has no host.
Result<UpstreamOptions> UpstreamOfUrl(const std::string& url);

// `pattern`: a model's name, or a beginning that ends in "*".
constexpr bool MatchesModel(std::string_view pattern, std::string_view model) {
  return pattern.ends_with('*') ? model.starts_with(pattern.substr(0, pattern.size() - 1))
                                : pattern == model;
}

// What a provider takes for a million tokens, in US dollars.
struct PriceOptions {
  static constexpr double kMost = 1e6;

  std::string model{};  // a name, or a beginning that ends in "*"; the longest that matches counts
  double input = 0;
  double output = 0;
  std::optional<double> cached_input{};  // read from the provider's cache; absent: as `input`

  friend bool operator==(const PriceOptions&, const PriceOptions&) = default;
};

inline constexpr std::uint32_t kMostJudgeCallsPerDay = 1'000'000;

// A chat model that says whether a stored answer serves a prompt, where texts alone do not.
struct JudgeOptions {
  std::string url{};  // of an interface like OpenAI's; empty: there is no judge
  std::string model{};
  std::string api_key_env{};  // at most one of these two; neither: it wants no key
  std::string api_key_file{};
  std::uint32_t per_day = 1'000;      // calls in any 24 hours
  std::uint32_t timeout_ms = 30'000;  // of a call

  friend bool operator==(const JudgeOptions&, const JudgeOptions&) = default;
};

inline constexpr std::string_view kDefaultGatewayListen = "127.0.0.1:7780";

struct GatewayOptions {
  std::string listen{};  // host:port; empty: no gateway. Port 0: any free port
  // PEM files: the certificate and its chain, its key, and authorities of which a client must have
  // a certificate. The first two are both empty for plain HTTP, the last for clients without one.
  std::string tls_certificate{};
  std::string tls_key{};
  std::string tls_client_ca{};
  std::uint32_t threads = 1;
  std::uint32_t max_connections = 10'000;
  std::uint32_t max_body_bytes = 32U << 20;
  // Namespaces: of requests that may be answered by meaning, and of those that may not. Created
  // when they are missing, the first with the server's model.
  std::string name_space = "gateway";
  std::string exact_namespace = "gateway-exact";
  Isolation isolation = Isolation::kCaller;
  // User messages that a request for a semantic hit may have: more than one compares the last text
  // by meaning and the turns before it byte by byte.
  std::uint32_t semantic_user_turns = 1;
  bool shadow = false;  // look up and decide, but always ask upstream
  // The share of the requests with something near that go upstream all the same, and whose answers
  // are compared with what is stored.
  float sample = 0;
  float same_answer = 0.9F;       // the similarity from which two answers count as the same
  bool cache_tool_calls = false;  // store answers that call tools, for the very same request
  // Requests that miss wait for one that is upstream and at least so similar, a cosine; it counts
  // when it is above the threshold of the namespace. 0: only for the very same request.
  float coalesce_threshold = 0;
  std::uint32_t lookup_timeout_ms = 250;  // after which a request goes upstream without the cache
  std::uint64_t max_answer_bytes = std::uint64_t{4} << 20;  // a larger one is not stored
  HitUsage hit_usage = HitUsage::kRecorded;
  ReplayMode replay = ReplayMode::kBurst;
  // After so long without an event an open stream gets a comment. Not a key of the configuration.
  std::uint32_t keep_alive_ms = 15'000;
  HttpApi http_api = HttpApi::kLoopback;
  // Names, without ports, that requests may have in Host besides those of loopback; "*": all.
  // Empty: no other ones when the listener is on a loopback address, otherwise all.
  std::vector<std::string> hosts{};
  std::vector<UpstreamOptions> upstreams{};
  JudgeOptions judge{};
  std::vector<PriceOptions> prices{};  // empty: the list prices that the gateway knows

  friend bool operator==(const GatewayOptions&, const GatewayOptions&) = default;
};

// "localhost", or an address of loopback: "127.0.0.1", "[::1]".
bool IsLoopbackHost(std::string_view host);
// As it is written: a name may be that of any address.
bool ListensOnLoopback(const GatewayOptions& options);

// Whether the calls of nearhit.v1 are served on the gateway's listener.
bool ServesHttpApi(const GatewayOptions& options);

}  // namespace nearhit::server
