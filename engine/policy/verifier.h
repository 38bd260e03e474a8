// How likely it is that the answer to one prompt serves another, from features of the pair: a
// logistic regression whose weights are built in. scripts/train-verifier makes them.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "engine/policy/pair_features.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: immutable once made.
class Verifier {
 public:
  // That of the weights that are built in; made by the first call.
  static const Verifier& Shared();

  // `file` has lines "name weight" in the order of kPairFeatureNames behind "[weights]" and "bias
  // weight", and lines "share score", ascending, behind "[budgets]". Errors: kInvalidArgument.
  static Result<Verifier> Read(std::string_view file);

  // The logarithm of the odds that the answer serves.
  float Score(const PairFeatures& features) const;

  // From this score on, no more than `max_error` of all requests are expected to be answered
  // wrongly: of the calibration's budgets the next lower one. Nothing is under its lowest.
  // Requires: kMinMaxError <= max_error.
  float LeastScore(float max_error) const;

 private:
  PairFeatures weights_{};
  float bias_ = 0;
  std::vector<std::pair<float, float>> budgets_;
};

}  // namespace nearhit
