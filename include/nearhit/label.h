// Labels: verdicts on whether the answer of an entry serves a prompt, and what a namespace makes of
// them. docs/right-answers.md.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "nearhit/guard.h"
#include "nearhit/lookup.h"
#include "nearhit/types.h"

namespace nearhit {

// Who says so. All but feedback are trusted: they fit the verifier and prove the budget.
enum class LabelSource : std::uint8_t {
  kFeedback = 0,  // a caller, about an answer that it got
  kShadow = 1,    // a provider's answer, compared with the stored one
  kJudge = 2,     // a model that read both
  kReview = 3,    // the operator, or somebody for it
};
// By value. A value of nearhit.v1.LabelSource is LABEL_SOURCE_ and the name in capitals.
inline constexpr std::array<std::string_view, 4> kLabelSourceNames = {"feedback", "shadow", "judge",
                                                                      "review"};

inline constexpr std::size_t kMaxPrincipalBytes = 256;
// Labels that a namespace keeps. A new one takes the place of the oldest: of feedback, of the
// principal that has most; of the others, that was no review.
inline constexpr std::size_t kMaxTrustedLabels = 20'000;
inline constexpr std::size_t kMaxFeedbackLabels = 10'000;
// What one principal may say at once, and after that in each second.
inline constexpr int kFeedbackBurst = 100;
inline constexpr int kFeedbackPerSecond = 1;

// Of LabelRequest::requests.
inline constexpr float kMostRequestsPerLabel = 1e6F;

struct LabelRequest {
  Prompt prompt{};  // as it was asked
  // The entry whose answer was judged, of the same scope; 0: that of `matched`.
  EntryId id{};
  // The text of an entry of the scope that need not be stored, or not any more.
  std::string_view matched{};
  bool serves = false;
  LabelSource source = LabelSource::kFeedback;
  std::string_view principal{};  // who says so, in the caller's terms; <= kMaxPrincipalBytes
  // Drawn at random from the requests that had something near. Only such labels count in the bound.
  bool sampled = false;
  // Of a sampled label: how many requests it stands for, those with nothing near included, at least
  // 1. 0: as many as the namespace has seen for each that had something near.
  float requests = 0;
  // For the embedder; without its vectors a label counts for the pair alone.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

struct LabelResult {
  // The prompt is answered with this entry from now on, as if it had been stored under it. By a
  // judge or a review only.
  bool alias = false;
};

// What a budget would serve.
struct BudgetEstimate {
  float max_error = 0;
  float hits = 0;   // shares of all requests, exact hits apart
  float wrong = 0;  // expected
};

// What decides in a namespace, and how right it is.
struct PolicyReport {
  enum class Basis : std::uint8_t {
    kThreshold,    // no budget
    kCalibration,  // the one that is built in, made stricter by the traffic
    kLabels,       // a bound from the namespace's own labels
  };

  Basis basis = Basis::kThreshold;
  float threshold = 0;
  float max_error = 0;
  // The logarithm of the odds from which entries are served; of a budget.
  std::optional<float> least_odds{};

  std::uint64_t requests = 0;                                    // seen, of the recent past
  std::uint64_t near = 0;                                        // of these, with something near
  std::array<std::uint64_t, kLabelSourceNames.size()> labels{};  // by LabelSource
  std::uint64_t aliases = 0;
  std::uint64_t refused_pairs = 0;  // judged wrong, and not served
  bool fitted = false;              // the verifier is fitted to the labels

  // Of semantic hits among all requests, wrong ones: expected, and where there are sampled labels
  // its 90 % interval (Clopper-Pearson).
  float hits = 0;
  float wrong = 0;
  float judged_requests = 0;  // that the sampled labels stand for
  std::optional<float> wrong_low{};
  std::optional<float> wrong_high{};

  std::vector<BudgetEstimate> budgets{};  // other budgets; empty without one

  // Labels of pairs that a guard refuses, by Guard: where most serve, the guard may be switched
  // off.
  std::array<std::uint64_t, kGuardNames.size()> guard_right{};
  std::array<std::uint64_t, kGuardNames.size()> guard_wrong{};
};
inline constexpr std::array<std::string_view, 3> kPolicyBasisNames = {"threshold", "calibration",
                                                                      "labels"};

}  // namespace nearhit
