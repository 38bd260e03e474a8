// The providers behind the gateway, and which of them to ask.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"
#include "server/config/gateway_options.h"
#include "server/dialect/endpoint.h"

namespace nearhit::server {

// Whether another provider may still give an answer.
constexpr bool IsUpstreamFailure(long status) {
  return status == 429 || status >= 500;
}

// A key from a variable, or from a file; empty when neither is named.
//
// Errors: kInvalidArgument for two sources, or what is no key; kNotFound when the source is not
// there. They name the owner, not the key.
Result<std::string> ReadApiKey(const std::string& owner, const std::string& env,
                               const std::string& file);

// One provider. Thread-safety: thread-safe.
class Upstream {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Upstream(UpstreamOptions options, std::string api_key);

  const UpstreamOptions& options() const { return options_; }
  const std::string& api_key() const { return api_key_; }  // empty: callers bring theirs
  // `target`: a path and perhaps a query. "/v1" does not come twice when the URL ends in it.
  std::string UrlOf(std::string_view target) const;
  bool Fits(Dialect dialect, std::string_view model) const;

  // What became of an attempt. After kFailuresUntilDown failures in a row others are asked first
  // for kDownTime.
  static constexpr std::uint32_t kFailuresUntilDown = 5;
  static constexpr std::chrono::seconds kDownTime{10};
  void Report(bool failed, TimePoint now);
  bool IsDown(TimePoint now) const;

 private:
  const UpstreamOptions options_;
  const std::string api_key_;
  const std::string base_;
  std::atomic<std::uint32_t> failures_{0};
  std::atomic<TimePoint::rep> down_until_{0};
};

// Thread-safety: thread-safe.
class UpstreamSet {
 public:
  // Reads the keys. Errors: kInvalidArgument for a URL that is none, or two sources of a key;
  // kNotFound when a variable or a file is not there. They name the upstream, not the key.
  static Result<std::unique_ptr<UpstreamSet>> Create(const std::vector<UpstreamOptions>& options);

  // Those that fit, in the order in which to ask them: by tier, those that are down last, and
  // within a tier by chance, according to their weights. `random` is any number.
  std::vector<Upstream*> For(Dialect dialect, std::string_view model, std::uint64_t random,
                             Upstream::TimePoint now) const;

 private:
  UpstreamSet() = default;

  std::vector<std::unique_ptr<Upstream>> upstreams_;
};

}  // namespace nearhit::server
