#include "engine/policy/lessons.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "engine/policy/binomial_bound.h"
#include "engine/policy/verifier.h"

namespace nearhit {
namespace {

// Variance of the prior on an entry's correction: flat between 1 and 4 on three streams.
constexpr double kVariance = 2;
// Scores to serve from lie on a grid: one label more or less moves nothing.
constexpr float kStep = 0.125F;
constexpr double kContradiction = 0.9;
constexpr double kInterval = 0.95;  // of each side

bool IsTrusted(const JudgedPair& pair) {
  return pair.source != LabelSource::kFeedback;
}

bool CanErr(LabelSource source) {
  return source == LabelSource::kShadow || source == LabelSource::kJudge;
}

bool IsRefused(const JudgedPair& pair, GuardSet guards) {
  return pair.conflicts.Without(guards) != pair.conflicts;
}

float RoundedUp(float score) {
  return std::ceil(score / kStep) * kStep;
}

// The least score on the grid above one that must not be served.
float Above(float score) {
  return (std::floor(score / kStep) + 1) * kStep;
}

}  // namespace

std::shared_ptr<const Lessons> Lessons::Learn(std::span<const JudgedPair> pairs, GuardSet guards,
                                              std::uint64_t changes, const Lessons* before) {
  auto lessons = std::make_shared<Lessons>();
  std::vector<const JudgedPair*> trusted;
  for (const JudgedPair& pair : pairs) {
    if (!IsTrusted(pair)) {
      continue;
    }
    auto& refused = pair.serves ? lessons->right_ : lessons->wrong_;
    for (std::size_t guard = 0; guard < refused.size(); ++guard) {
      refused[guard] += pair.conflicts.Has(static_cast<Guard>(guard)) ? 1 : 0;
    }
    if (IsRefused(pair, guards)) {
      lessons->CountSample(pair, guards);  // requests that are not served
    } else {
      trusted.push_back(&pair);
    }
  }
  lessons->Fit(trusted, changes, before);
  lessons->Correct(pairs, guards);
  lessons->TakeSamples(trusted, guards);
  return lessons;
}

void Lessons::Fit(PairView trusted, std::uint64_t changes, const Lessons* before) {
  model_ = Verifier::Shared().model();
  folds_.fill(model_);
  // Labels replace each other where there are many.
  if (before != nullptr && before->fitted() && trusted.size() * 5 < before->fitted_on_ * 6 &&
      (changes - before->fitted_at_) * 5 < before->fitted_on_) {
    fitted_on_ = before->fitted_on_;
    fitted_at_ = before->fitted_at_;
    model_ = before->model_;
    folds_ = before->folds_;
    return;
  }
  const auto right = static_cast<std::size_t>(std::count_if(
      trusted.begin(), trusted.end(), [](const JudgedPair* pair) { return pair->serves; }));
  if (trusted.size() < kLeastToFit || right < kLeastOfEach ||
      trusted.size() - right < kLeastOfEach) {
    return;
  }
  const auto without = [&](std::size_t fold) {
    std::vector<Example> examples;
    examples.reserve(trusted.size());
    for (const JudgedPair* pair : trusted) {
      if (FoldOf(*pair) != fold) {
        examples.push_back({.features = &pair->features, .serves = pair->serves});
      }
    }
    return examples;
  };
  const LogisticPrior& prior = Verifier::Shared().prior();
  model_ = FitLogistic(without(kFolds), prior, prior.model);
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    folds_[fold] = FitLogistic(without(fold), prior, model_);
  }
  fitted_on_ = trusted.size();
  fitted_at_ = changes;
}

float Lessons::ScoreOf(const JudgedPair& pair) const {
  return folds_[FoldOf(pair)].Score(pair.features);
}

Lessons::Residuals Lessons::ResidualsOf(const JudgedPair& pair) const {
  const double chance = 1 / (1 + std::exp(-static_cast<double>(ScoreOf(pair))));
  return {.error = (pair.serves ? 1 : 0) - chance, .weight = chance * (1 - chance)};
}

float Lessons::Correction(const Residuals& residuals) {
  return static_cast<float>(kVariance * residuals.error / (1 + kVariance * residuals.weight));
}

void Lessons::Correct(std::span<const JudgedPair> pairs, GuardSet guards) {
  std::unordered_set<Hash128, HashOfHash> counted;  // of feedback: entry and principal
  for (std::size_t i = pairs.size(); i-- > 0;) {    // the newest word of a principal is its word
    const JudgedPair& pair = pairs[i];
    if (IsRefused(pair, guards)) {
      continue;  // says nothing of what may be served
    }
    if (!IsTrusted(pair)) {
      const Hash128 once{.low = pair.entry.low ^ pair.principal, .high = pair.entry.high};
      if (!counted.insert(once).second || pair.serves) {
        continue;
      }
    }
    const Residuals own = ResidualsOf(pair);
    EntryLabels& labels = entries_[pair.entry];
    Residuals& sum = IsTrusted(pair) ? labels.trusted : labels.feedback;
    sum.error += own.error;
    sum.weight += own.weight;
  }
}

// A guard that is off now kept pairs out of the sample that are served now.
bool Lessons::CountSample(const JudgedPair& pair, GuardSet guards) {
  if (pair.requests <= 0 || pair.frame_guards.Without(guards) != GuardSet()) {
    return false;
  }
  if (pair.of_traffic) {
    ++of_traffic_;
    requests_then_ += static_cast<double>(pair.requests);
  } else {
    requests_ += static_cast<double>(pair.requests);
  }
  least_cosine_ = std::max(least_cosine_, pair.frame_cosine);
  return true;
}

double Lessons::Requests(float requests_per_near) const {
  const double now = of_traffic_ * static_cast<double>(requests_per_near);
  return requests_ + (requests_per_near > 0 ? std::min(now, requests_then_) : requests_then_);
}

void Lessons::TakeSamples(PairView trusted, GuardSet guards) {
  std::size_t fallible = 0;
  for (const JudgedPair* pair : trusted) {
    if (!CountSample(*pair, guards)) {
      continue;
    }
    // Without feedback, which is to move no budget.
    const Residuals own = ResidualsOf(*pair);
    Residuals others = entries_.at(pair->entry).trusted;
    others.error -= own.error;
    others.weight -= own.weight;
    samples_.push_back({.score = ScoreOf(*pair) + Correction(others),
                        .cosine = pair->features[0],
                        .serves = pair->serves});
    fallible += CanErr(pair->source) ? 1 : 0;
  }
  std::sort(samples_.begin(), samples_.end(),
            [](const Sample& a, const Sample& b) { return a.score > b.score; });
  if (!samples_.empty()) {
    allowed_ =
        1 - kJudgeError * static_cast<double>(fallible) / static_cast<double>(samples_.size());
  }
}

float Lessons::CorrectionOf(const Hash128& entry) const {
  const auto found = entries_.find(entry);
  if (found == entries_.end()) {
    return 0;
  }
  const auto& [trusted, feedback] = found->second;
  return Correction(
      {.error = trusted.error + feedback.error, .weight = trusted.weight + feedback.weight});
}

// The bound grows with the number of wrong samples alone: the sequence of tests ends before the
// first wrong one too many.
std::optional<float> Lessons::LeastScore(float max_error, float requests_per_near) const {
  const double budget = static_cast<double>(max_error) * allowed_;
  int most_wrong = MostFound(Requests(requests_per_near), budget, kConfidence,
                             static_cast<int>(samples_.size()));
  if (samples_.empty() || most_wrong < 0) {
    return std::nullopt;
  }
  for (const Sample& sample : samples_) {
    if (!sample.serves && --most_wrong < 0) {
      return Above(sample.score);
    }
  }
  return RoundedUp(samples_.back().score);
}

float Lessons::NoLaxerThan(float least, float max_error, float requests_per_near) const {
  const double budget = static_cast<double>(max_error) * allowed_;
  const double requests = Requests(requests_per_near);
  double wrong = 0;
  for (const Sample& sample : samples_) {
    if (sample.score < least) {
      break;
    }
    if (!sample.serves && LowerShare(++wrong, requests, kContradiction) > budget) {
      return Above(sample.score);
    }
  }
  return least;
}

template <typename Served>
Lessons::Estimate Lessons::EstimateOf(Served served, float requests_per_near) const {
  const double requests = Requests(requests_per_near);
  if (requests <= 0) {
    return {};
  }
  double hits = 0;
  double wrong = 0;
  for (const Sample& sample : samples_) {
    if (served(sample)) {
      ++hits;
      wrong += sample.serves ? 0 : 1;
    }
  }
  const auto share = [&](double part) {
    return static_cast<float>(std::min(1.0, part / allowed_));
  };
  return {.hits = static_cast<float>(hits / requests),
          .wrong = share(wrong / requests),
          .wrong_low = share(LowerShare(wrong, requests, kInterval)),
          .wrong_high = share(UpperShare(wrong, requests, kInterval))};
}

Lessons::Estimate Lessons::FromScore(float least, float requests_per_near) const {
  return EstimateOf([least](const Sample& sample) { return sample.score >= least; },
                    requests_per_near);
}

Lessons::Estimate Lessons::FromCosine(float least, float requests_per_near) const {
  return EstimateOf([least](const Sample& sample) { return sample.cosine >= least; },
                    requests_per_near);
}

}  // namespace nearhit
