#include "engine/policy/budget_policy.h"

#include <algorithm>

#include "engine/policy/guards.h"
#include "engine/policy/pair_features.h"
#include "engine/policy/verifier.h"

namespace nearhit {

namespace {
// For the report.
constexpr float kOtherBudgets[] = {0.0025F, 0.005F, 0.01F, 0.02F, 0.03F, 0.05F, 0.1F};
}  // namespace

BudgetPolicy::BudgetPolicy(const PolicyInputs& inputs)
    : max_error_(inputs.config.max_error),
      guards_(GuardSet::All().Without(inputs.config.guards_off)),
      traffic_(inputs.traffic),
      lessons_(inputs.lessons) {
  BudgetPolicy::FollowTraffic();
}

BudgetPolicy::Bound BudgetPolicy::BoundFor(float max_error) const {
  const float per_near = traffic_->RequestsPerNear();
  if (const std::optional<float> proven = lessons_->LeastScore(max_error, per_near)) {
    return {.least_odds = *proven, .proven = true};
  }
  const float calibrated = Verifier::Shared().LeastScore(max_error);
  const float cautious =
      traffic_->requests() == 0 ? calibrated : std::max(calibrated, traffic_->LeastOdds(max_error));
  return {.least_odds = lessons_->NoLaxerThan(cautious, max_error, per_near), .proven = false};
}

void BudgetPolicy::FollowTraffic() const {
  const Bound bound = BoundFor(max_error_);
  least_odds_.store(bound.least_odds, std::memory_order_relaxed);
  proven_.store(bound.proven, std::memory_order_relaxed);
}

float BudgetPolicy::LeastScore(std::optional<float> min_score) const {
  return std::max(kLeastCosine, min_score.value_or(kLeastCosine));
}

Verdict BudgetPolicy::Judge(const Evidence& evidence) const {
  if (evidence.score < LeastScore(evidence.min_score)) {
    return {.reason = MissReason::kBelowThreshold, .rule = "threshold"};
  }
  const PromptFacts asked(evidence.asked);
  const PromptFacts matched(evidence.matched);
  if (const std::optional<Guard> guard = FindConflict(asked, matched, guards_)) {
    return {.reason = MissReason::kGuarded, .rule = GuardName(*guard)};
  }
  const float odds = lessons_->model().Score(FeaturesOf(asked, matched, evidence.score)) +
                     lessons_->CorrectionOf(evidence.entry);
  const bool serve =
      odds >= least_odds_.load(std::memory_order_relaxed) &&
      evidence.score >=
          (proven_.load(std::memory_order_relaxed) ? lessons_->least_cosine() : kLeastCalibrated);
  return {.serve = serve,
          .reason = serve ? MissReason::kNone : MissReason::kOverBudget,
          .rule = "budget",
          .odds = odds};
}

void BudgetPolicy::Report(PolicyReport* report) const {
  const float per_near = traffic_->RequestsPerNear();
  const bool judged = lessons_->Requests(per_near) > 0;
  const auto estimate = [&](float least) -> Lessons::Estimate {
    if (judged) {
      return lessons_->FromScore(least, per_near);
    }
    const Traffic::Shares shares = traffic_->From(least);
    return {.hits = shares.served, .wrong = shares.wrong};
  };
  const float least = least_odds_.load(std::memory_order_relaxed);
  report->basis = proven_.load(std::memory_order_relaxed) ? PolicyReport::Basis::kLabels
                                                          : PolicyReport::Basis::kCalibration;
  report->max_error = max_error_;
  report->least_odds = least;
  const Lessons::Estimate now = estimate(least);
  report->hits = now.hits;
  report->wrong = now.wrong;
  if (judged) {
    report->wrong_low = now.wrong_low;
    report->wrong_high = now.wrong_high;
  }
  for (const float max_error : kOtherBudgets) {
    const Lessons::Estimate other = estimate(BoundFor(max_error).least_odds);
    report->budgets.push_back({.max_error = max_error, .hits = other.hits, .wrong = other.wrong});
  }
}

}  // namespace nearhit
