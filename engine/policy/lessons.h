// What a namespace's own labels teach: a verifier of its own, corrections of single entries, and
// from which score on its budget is proven to hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "engine/policy/logistic_model.h"
#include "nearhit/guard.h"
#include "nearhit/label.h"

namespace nearhit {

// A labelled pair of prompts.
struct JudgedPair {
  PairFeatures features{};
  Hash128 entry{};              // the key of the stored one
  std::uint64_t principal = 0;  // of feedback
  // Requests that it stands for; 0: it is no random sample. Of the traffic: what was known of that
  // when it was given.
  float requests = 0;
  bool of_traffic = false;
  // Of a sample, what it was drawn from: candidates from this cosine on that none of these guards
  // refused.
  float frame_cosine = 0;
  GuardSet frame_guards{};
  LabelSource source = LabelSource::kFeedback;
  bool serves = false;
  GuardSet conflicts{};  // guards that refuse it
};

// The verifier is fitted anew (FitLogistic, from the cosine) once there are kLeastToFit trusted
// labels. Each label is scored by a model that was fitted without its entry (five folds), with the
// correction that the other labels of its entry make.
//
// The score to serve from is found by fixed-sequence testing (Angelopoulos et al., "Learn then
// Test: Calibrating Predictive Algorithms to Achieve Risk Control", 2021): from strict to loose,
// while the one-sided 80 % bound of Clopper and Pearson on the wrong share of all requests stays
// under the budget. Only trusted labels that are random samples count. Comparisons and models pass
// a part of the wrong pairs: the budget is lowered by kJudgeError for those.
//
// An entry's correction is one Newton step of a normal prior on its residuals. One principal counts
// once an entry, and feedback only lowers.
//
// Thread-safety: immutable.
class Lessons {
 public:
  static constexpr std::size_t kLeastToFit = 100;
  static constexpr std::size_t kLeastOfEach = 10;  // right, and wrong
  static constexpr double kConfidence = 0.8;
  static constexpr double kJudgeError = 0.1;

  // Of `pairs`, those of a source with the newest last, under the guards that are on. `changes`
  // counts the labels that ever came. `before` may be null; its models serve until a fifth more
  // labels came.
  // Cost: 8 us a pair when it fits, 0.2 us else (policy_bench, Xeon).
  static std::shared_ptr<const Lessons> Learn(std::span<const JudgedPair> pairs, GuardSet guards,
                                              std::uint64_t changes, const Lessons* before);

  const LogisticModel& model() const { return model_; }
  bool fitted() const { return fitted_on_ > 0; }
  // To be added to the score of a candidate.
  float CorrectionOf(const Hash128& entry) const;

  // What is proven holds for candidates from this cosine on: nothing below was drawn.
  float least_cosine() const { return least_cosine_; }

  // The rest takes Traffic::RequestsPerNear(): traffic that has more near than when the labels were
  // given serves more, rightly and wrongly. Traffic that has less loosens nothing.

  // Nothing: too few labels to prove it. Cost: some microseconds.
  std::optional<float> LeastScore(float max_error, float requests_per_near) const;
  // `least`, or a stricter score where the labels disprove that it keeps the budget.
  float NoLaxerThan(float least, float max_error, float requests_per_near) const;

  // Of what would be served from this score on, or from this cosine on; shares of all requests.
  struct Estimate {
    float hits = 0;
    float wrong = 0;
    float wrong_low = 0;
    float wrong_high = 0;
  };
  Estimate FromScore(float least, float requests_per_near) const;
  Estimate FromCosine(float least, float requests_per_near) const;
  // That the samples stand for.
  double Requests(float requests_per_near) const;

  std::uint64_t right_refused(Guard guard) const { return right_[static_cast<std::size_t>(guard)]; }
  std::uint64_t wrong_refused(Guard guard) const { return wrong_[static_cast<std::size_t>(guard)]; }

 private:
  static constexpr std::size_t kFolds = 5;
  struct Sample {
    float score = 0;
    float cosine = 0;
    bool serves = false;
  };
  struct Residuals {
    double error = 0;   // right minus its chance
    double weight = 0;  // chance times its opposite
  };
  using PairView = std::span<const JudgedPair* const>;

  // Those of an entry.
  struct EntryLabels {
    Residuals trusted{};
    Residuals feedback{};
  };

  static std::size_t FoldOf(const JudgedPair& pair) { return pair.entry.high % kFolds; }
  static float Correction(const Residuals& residuals);
  void Fit(PairView trusted, std::uint64_t changes, const Lessons* before);
  // By the model that was fitted without the pair.
  float ScoreOf(const JudgedPair& pair) const;
  Residuals ResidualsOf(const JudgedPair& pair) const;
  void Correct(std::span<const JudgedPair> pairs, GuardSet guards);
  void TakeSamples(PairView trusted, GuardSet guards);
  // Whether its requests count.
  bool CountSample(const JudgedPair& pair, GuardSet guards);
  template <typename Served>
  Estimate EstimateOf(Served served, float requests_per_near) const;

  std::size_t fitted_on_ = 0;
  std::uint64_t fitted_at_ = 0;  // of changes
  LogisticModel model_;
  std::array<LogisticModel, kFolds> folds_;  // each fitted without its fold
  std::unordered_map<Hash128, EntryLabels, HashOfHash> entries_;

  std::vector<Sample> samples_;  // the highest score first
  double requests_ = 0;          // that they stand for, but for those of the traffic
  double of_traffic_ = 0;        // how many are of it, and for how many requests they stood then
  double requests_then_ = 0;
  double allowed_ = 1;  // of a budget, for the errors of judges
  float least_cosine_ = 0;
  std::array<std::uint64_t, kGuardNames.size()> right_{};
  std::array<std::uint64_t, kGuardNames.size()> wrong_{};
};

}  // namespace nearhit
