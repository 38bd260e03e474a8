// How likely it is that the answer to one prompt serves another, from features of the pair: a
// logistic regression whose weights are built in. scripts/train-verifier makes them.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "engine/policy/logistic_model.h"
#include "engine/policy/pair_features.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: immutable once made.
class Verifier {
 public:
  // That of the weights that are built in; made by the first call.
  static const Verifier& Shared();

  // `file` has, behind "[weights]", the line "bias weight" and lines "name weight scale" in the
  // order of kPairFeatureNames; behind "[cosine]" a line "weight bias"; and behind "[budgets]"
  // lines "share score", ascending. Errors: kInvalidArgument.
  static Result<Verifier> Read(std::string_view file);

  const LogisticModel& model() const { return model_; }
  // What a fit to labels begins with: nothing but the cosine.
  const LogisticPrior& prior() const { return prior_; }

  // From this score on, no more than `max_error` of all requests are expected to be answered
  // wrongly: of the calibration's budgets the next lower one. Nothing is under its lowest.
  // Requires: kMinMaxError <= max_error.
  float LeastScore(float max_error) const;

 private:
  // Found best on three streams that the pairs above do not come from, for 100 to 1,000 labels.
  static constexpr float kPenalty = 60;

  LogisticModel model_;
  LogisticPrior prior_;
  std::vector<std::pair<float, float>> budgets_;
};

}  // namespace nearhit
