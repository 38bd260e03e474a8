// The embedder of a namespace as the engine asks it: for lookups, stores, the background and
// Database::Embed alike.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/fault_log.h"
#include "engine/embedding/circuit_breaker.h"
#include "engine/embedding/embed_texts.h"
#include "nearhit/embedder.h"
#include "nearhit/result.h"
#include "nearhit/types.h"

namespace nearhit {

// Whether a call goes out to an embedder that may wait and has failed several times in a row.
enum class EmbedAdmission : std::uint8_t {
  kAlways,        // by a store: without a vector its entry would be found by its exact text only
  kIfHealthy,     // by a lookup, which someone waits for
  kInBackground,  // as kIfHealthy; its failures do not count against the embedder
};

struct EmbedCall {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  EmbedAdmission admission = EmbedAdmission::kIfHealthy;
  bool non_blocking = false;  // kWouldBlock rather than wait
};

// Thread-safety: thread-safe.
class EmbedderService {
 public:
  // Of `spec` it reads timeout and max_batch. `faults` is told how calls end; may be null.
  EmbedderService(std::shared_ptr<const Embedder> embedder, const EmbedderSpec& spec, Metric metric,
                  std::shared_ptr<FaultLog> faults);

  const std::shared_ptr<const Embedder>& embedder() const { return embedder_; }
  std::size_t dimension() const { return embedder_->dimension(); }

  // texts.size() rows of dimension() floats, as the embedder gave them. A row of zeros: the text
  // has no vector. Texts that are refused are as in EmbedTexts.
  //
  // Errors: kWouldBlock; kUnavailable while it is not asked; kInternal when it returned another
  // number of floats; those of the embedder.
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts, const EmbedCall& call);
  // The same, normalised for the metric. Rows that the metric cannot take are zeros, too.
  Result<std::vector<float>> EmbedForIndex(std::span<const std::string_view> texts,
                                           const EmbedCall& call);

 private:
  Result<std::vector<float>> Ask(std::span<const std::string_view> texts,
                                 std::chrono::steady_clock::time_point deadline);
  Result<std::vector<float>> Try(std::span<const std::string_view> texts,
                                 const EmbedCall& call) const;

  const std::shared_ptr<const Embedder> embedder_;
  const std::chrono::milliseconds timeout_;
  const std::size_t max_batch_;
  const Metric metric_;
  const std::shared_ptr<FaultLog> faults_;  // may be null
  CircuitBreaker breaker_;
  BatchLimit limit_;
};

}  // namespace nearhit
