// Cache: vectors for the texts of lookups and stores.

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/cache/cache.h"
#include "engine/collection/normalize.h"

namespace nearhit {

namespace {

using TimePoint = std::chrono::steady_clock::time_point;

// For how long a call to the embedder may last.
CircuitBreaker::Duration Patience(const NamespaceConfig& config, TimePoint now,
                                  TimePoint deadline) {
  return std::min<CircuitBreaker::Duration>(deadline - now, config.embedder.timeout);
}

// What a call says of the embedder: a refusal of the texts is an answer, and more texts than go out
// in one request may take longer than the call had, all being well.
CircuitBreaker::Outcome OutcomeOf(StatusCode code, bool one_request) {
  if (code == StatusCode::kUnavailable) {
    return CircuitBreaker::Outcome::kFailure;
  }
  if (code == StatusCode::kDeadlineExceeded) {
    return one_request ? CircuitBreaker::Outcome::kFailure : CircuitBreaker::Outcome::kUnknown;
  }
  return CircuitBreaker::Outcome::kSuccess;
}

}  // namespace

bool Cache::MayWait(const Live& live, std::span<const Prompt> prompts,
                    const std::vector<bool>& wanted, TimePoint deadline) {
  if (live.embedder == nullptr || !live.embedder->may_block()) {
    return false;
  }
  bool any = false;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    any = any || (wanted[i] && prompts[i].vector.empty());
  }
  const TimePoint now = std::chrono::steady_clock::now();
  return any && !live.breaker->Refuses(now, Patience(live.config, now, deadline));
}

Result<std::vector<float>> Cache::Ask(const Embedder& embedder,
                                      std::span<const std::string_view> texts, TimePoint deadline,
                                      BatchLimit* limit, FaultLog* faults) {
  const bool hurried = deadline - std::chrono::steady_clock::now() < CircuitBreaker::kLeastPatience;
  Result<std::vector<float>> made = EmbedTexts(embedder, texts, deadline, limit);
  // Callers who give it no time say nothing of it, nor do those who close.
  const StatusCode code = made.status().code();
  if (faults != nullptr && code != StatusCode::kCancelled &&
      !(hurried && code == StatusCode::kDeadlineExceeded)) {
    faults->Note(made.status());
  }
  return made;
}

Result<std::vector<float>> Cache::Embed(const Live& live, std::span<const std::string_view> texts,
                                        TimePoint deadline, Asking asking) const {
  if (!live.embedder->may_block()) {
    return Ask(*live.embedder, texts, deadline, live.limit.get(), faults_.get());
  }
  const TimePoint now = std::chrono::steady_clock::now();
  const CircuitBreaker::Duration patience = Patience(live.config, now, deadline);
  const auto begin = [&]() -> std::optional<CircuitBreaker::Call> {
    switch (asking) {
      case Asking::kAnyway:
        return live.breaker->Enter(patience);
      case Asking::kUnlessDown:
      case Asking::kBeside:
        return live.breaker->Admit(now, patience);
      case Asking::kNot:
        break;
    }
    return std::nullopt;
  };
  std::optional<CircuitBreaker::Call> call = begin();
  if (!call) {
    return Unavailable("the embedder failed several times in a row");
  }
  Result<std::vector<float>> made =
      Ask(*live.embedder, texts, deadline, live.limit.get(), faults_.get());
  const CircuitBreaker::Outcome outcome =
      OutcomeOf(made.status().code(), texts.size() <= live.config.embedder.max_batch);
  // One text that it fails for, again and again in the background, must not make it look down.
  call->Report(asking == Asking::kBeside && outcome == CircuitBreaker::Outcome::kFailure
                   ? CircuitBreaker::Outcome::kUnknown
                   : outcome,
               std::chrono::steady_clock::now());
  return made;
}

Cache::PromptVectors Cache::Vectors(const Live& live, std::span<const Prompt> prompts,
                                    const std::vector<bool>& wanted, TimePoint deadline,
                                    Asking asking) {
  PromptVectors vectors{.rows = std::vector<std::vector<float>>(prompts.size()),
                        .asked = std::vector<bool>(prompts.size(), false)};
  std::vector<std::string_view> texts;
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (!wanted[i] || live.config.dimension == 0) {
      continue;
    }
    if (!prompts[i].vector.empty()) {
      vectors.rows[i].assign(prompts[i].vector.begin(), prompts[i].vector.end());
      NormalizeFor(live.config.metric, vectors.rows[i]);
    } else if (live.embedder != nullptr) {
      texts.push_back(prompts[i].slot);
      rows.push_back(i);
    }
  }
  if (texts.empty()) {
    return vectors;
  }
  Result<std::vector<float>> made = Embed(live, texts, deadline, asking);
  if (!made.ok()) {
    counters_.embed_failures.fetch_add(texts.size(), std::memory_order_relaxed);
    made.IgnoreError();  // the result has a reason for it, not a message
    vectors.embedder_failed = true;
    return vectors;
  }
  const std::size_t dimension = live.embedder->dimension();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto begin = made->begin() + static_cast<std::ptrdiff_t>(row * dimension);
    std::vector<float>& vector = vectors.rows[rows[row]];
    vectors.asked[rows[row]] = true;
    vector.assign(begin, begin + static_cast<std::ptrdiff_t>(dimension));
    // Zeros say that the text has no vector. Under the other metrics than cosine they would be one,
    // and all such texts would be the same.
    if (IsZero(vector) || !NormalizeFor(live.config.metric, vector)) {
      vector.clear();
      counters_.texts_not_read.fetch_add(1, std::memory_order_relaxed);
    }
  }
  return vectors;
}

}  // namespace nearhit
