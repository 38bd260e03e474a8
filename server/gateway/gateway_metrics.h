// What the gateway counts, and the text in which Prometheus reads it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "base/mutex.h"
#include "nearhit/database.h"
#include "nearhit/label.h"
#include "server/dialect/endpoint.h"
#include "server/http/tls_source.h"

namespace nearhit::server {

// How a request was answered; the values of x-nearhit-status.
enum class Served : std::uint8_t {
  kExact,      // the answer to the very same request, or to each of its items
  kSemantic,   // the answer to a prompt that means the same
  kCoalesced,  // together with another request upstream
  kMiss,       // upstream
  kPartial,    // some of its items from the cache, the others from upstream
  kBypass,     // upstream, and the cache was not asked
  kError,      // by the gateway itself, with an error
};
inline constexpr std::array<std::string_view, 7> kServedNames = {
    "exact", "semantic", "coalesced", "miss", "partial", "bypass", "error"};
static_assert(!kServedNames.back().empty(), "a name is missing");

constexpr std::string_view ServedName(Served how) {
  return kServedNames[static_cast<std::size_t>(how)];
}

// What a hit would have cost upstream.
struct Saving {
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  double usd = 0;
  std::string_view price{};  // PriceTable::NameOf
  std::chrono::milliseconds time{0};
};

// What is so at the moment, for GatewayMetrics::Text().
struct GatewayState {
  std::size_t connections = 0;
  std::uint64_t flights = 0;       // calls upstream that are not over
  const TlsSource* tls = nullptr;  // null: plain HTTP
};

// Thread-safety: thread-safe.
class GatewayMetrics {
 public:
  GatewayMetrics();
  ~GatewayMetrics();
  GatewayMetrics(const GatewayMetrics&) = delete;
  GatewayMetrics& operator=(const GatewayMetrics&) = delete;

  // A request whose answer begins, so long after its arrival. `reason` is constant text.
  void CountRequest(Endpoint endpoint, Served how, std::string_view reason,
                    std::chrono::steady_clock::duration elapsed);
  // The similarity that decided: of a hit, or of the nearest entry.
  void CountSimilarity(bool hit, float score);
  // What would have been served in shadow mode, and how it compares with the provider's answer.
  // `agreement` is constant text.
  void CountShadow(HitKind kind, std::string_view agreement, std::optional<float> similarity);
  // Whether an entry serves a prompt, as somebody said.
  void CountLabel(bool serves, LabelSource source);
  // A call of the judge; `outcome` is constant text.
  void CountJudge(std::string_view outcome);
  void CountSaved(const Saving& saving);
  // What the provider took for an answer that is stored; `price` as PriceTable names it.
  void CountCost(std::string_view price, double usd);
  // Until the head of an answer is there.
  void CountUpstream(const std::string& upstream, long status,
                     std::chrono::steady_clock::duration elapsed);
  void CountStored() { stored_.fetch_add(1, std::memory_order_relaxed); }
  // An answer that was to be stored and was not: the queue was full, or the cache failed.
  void CountUnstored() { unstored_.fetch_add(1, std::memory_order_relaxed); }

  std::uint64_t requests(Served how) const;

  // These, and those of the database by namespace, in the text format of Prometheus.
  std::string Text(Database* db, const GatewayState& state) const;

 private:
  class Families;

  std::array<std::atomic<std::uint64_t>, kServedNames.size()> requests_{};
  std::atomic<std::uint64_t> stored_{0};
  std::atomic<std::uint64_t> unstored_{0};
  const std::unique_ptr<Families> families_;
};

}  // namespace nearhit::server
