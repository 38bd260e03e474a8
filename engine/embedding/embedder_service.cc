#include "engine/embedding/embedder_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/normalize.h"

namespace nearhit {

namespace {

using Texts = std::span<const std::string_view>;
using TimePoint = std::chrono::steady_clock::time_point;

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

Status NotAsked() {
  return Unavailable("the embedder failed several times in a row");
}

}  // namespace

EmbedderService::EmbedderService(std::shared_ptr<const Embedder> embedder, const EmbedderSpec& spec,
                                 Metric metric, std::shared_ptr<FaultLog> faults)
    : embedder_(std::move(embedder)),
      timeout_(spec.timeout),
      max_batch_(spec.max_batch),
      metric_(metric),
      faults_(std::move(faults)) {
}

Result<std::vector<float>> EmbedderService::Embed(Texts texts, const EmbedCall& call) {
  if (!embedder_->may_block()) {
    return Ask(texts, call.deadline);
  }
  if (call.non_blocking) {
    return Try(texts, call);
  }
  const TimePoint now = std::chrono::steady_clock::now();
  const auto patience = std::min<CircuitBreaker::Duration>(call.deadline - now, timeout_);
  std::optional<CircuitBreaker::Call> entered =
      call.admission == EmbedAdmission::kAlways
          ? std::optional<CircuitBreaker::Call>(breaker_.Enter(patience))
          : breaker_.Admit(now, patience);
  if (!entered) {
    return NotAsked();
  }
  Result<std::vector<float>> made = Ask(texts, call.deadline);
  const CircuitBreaker::Outcome outcome =
      OutcomeOf(made.status().code(), texts.size() <= max_batch_);
  // One text that it fails for, again and again in the background, must not make it look down.
  const bool counts = call.admission != EmbedAdmission::kInBackground ||
                      outcome != CircuitBreaker::Outcome::kFailure;
  entered->Report(counts ? outcome : CircuitBreaker::Outcome::kUnknown,
                  std::chrono::steady_clock::now());
  return made;
}

Result<std::vector<float>> EmbedderService::EmbedForIndex(Texts texts, const EmbedCall& call) {
  NEARHIT_ASSIGN_OR_RETURN(std::vector<float> rows, Embed(texts, call));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::span<float> row = std::span(rows).subspan(i * dimension(), dimension());
    // Under other metrics than cosine a vector of zeros would be one, the same for all such texts.
    if (!NormalizeFor(metric_, row)) {
      std::fill(row.begin(), row.end(), 0.0F);
    }
  }
  return rows;
}

Result<std::vector<float>> EmbedderService::Ask(Texts texts, TimePoint deadline) {
  const bool hurried = deadline - std::chrono::steady_clock::now() < CircuitBreaker::kLeastPatience;
  Result<std::vector<float>> made = EmbedTexts(*embedder_, texts, deadline, &limit_);
  // Callers who give it no time say nothing of it, nor do those who close.
  const StatusCode code = made.status().code();
  if (faults_ != nullptr && code != StatusCode::kCancelled &&
      !(hurried && code == StatusCode::kDeadlineExceeded)) {
    faults_->Note(made.status());
  }
  return made;
}

// Of one that may wait. One that is not asked is not waited for either.
Result<std::vector<float>> EmbedderService::Try(Texts texts, const EmbedCall& call) const {
  const TimePoint now = std::chrono::steady_clock::now();
  if (breaker_.Refuses(now, std::min<CircuitBreaker::Duration>(call.deadline - now, timeout_))) {
    return NotAsked();
  }
  Result<std::vector<float>> made = embedder_->TryEmbed(texts);
  NEARHIT_RETURN_IF_ERROR(CheckRows(*embedder_, texts.size(), made));
  return made;
}

}  // namespace nearhit
