#include "engine/policy/threshold_policy.h"

#include <algorithm>

#include "engine/policy/verifier.h"

namespace nearhit {

float ThresholdPolicy::LeastScore(std::optional<float> min_score) const {
  return std::max(threshold_, min_score.value_or(threshold_));
}

Verdict ThresholdPolicy::Judge(const Evidence& evidence) const {
  return JudgeByThreshold(evidence, LeastScore(evidence.min_score), *lessons_);
}

void ThresholdPolicy::Report(PolicyReport* report) const {
  ReportThreshold(threshold_, *lessons_, *traffic_, report);
}

Verdict JudgeByThreshold(const Evidence& evidence, float threshold, const Lessons& lessons) {
  if (evidence.score < threshold) {
    return {.reason = MissReason::kBelowThreshold, .rule = "threshold"};
  }
  // Odds in terms of similarity; at most half of the way to the same text.
  const float doubt = std::max(0.0F, -lessons.CorrectionOf(evidence.entry));
  if (doubt > 0) {
    const float more = std::min(doubt / Verifier::Shared().model().weights[0], (1 - threshold) / 2);
    if (evidence.score < threshold + more) {
      return {.reason = MissReason::kLabelled, .rule = "label"};
    }
  }
  return {.serve = true, .rule = "threshold"};
}

void ReportThreshold(float threshold, const Lessons& lessons, const Traffic& traffic,
                     PolicyReport* report) {
  const float per_near = traffic.RequestsPerNear();
  report->basis = PolicyReport::Basis::kThreshold;
  report->threshold = threshold;
  if (lessons.Requests(per_near) > 0) {
    const Lessons::Estimate now = lessons.FromCosine(threshold, per_near);
    report->hits = now.hits;
    report->wrong = now.wrong;
    report->wrong_low = now.wrong_low;
    report->wrong_high = now.wrong_high;
  }
}

}  // namespace nearhit
