// Logistic regression over the features of a pair.
#pragma once

#include <span>

#include "engine/policy/pair_features.h"

namespace nearhit {

struct LogisticModel {
  PairFeatures weights{};
  float bias = 0;

  // The logarithm of the odds that the answer serves.
  float Score(const PairFeatures& features) const;
};

// A pair that was judged.
struct Example {
  const PairFeatures* features = nullptr;
  bool serves = false;
};

// What a fit starts from and stays near to.
struct LogisticPrior {
  LogisticModel model{};
  PairFeatures scales{};  // the spread of each feature, > 0
  float penalty = 0;      // of a weight's distance from the model's, in units of its scale
};

// The model with the highest posterior (ridge regression towards the prior), by Newton's method:
// Murphy, "Machine Learning: A Probabilistic Perspective" (2012), 8.3. `begin` is where it starts;
// the nearer, the fewer the steps.
// Cost: some steps, of 0.3 us an example and 30 us each (policy_bench, Xeon).
LogisticModel FitLogistic(std::span<const Example> examples, const LogisticPrior& prior,
                          const LogisticModel& begin);

}  // namespace nearhit
