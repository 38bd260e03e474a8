#include "engine/policy/binomial_bound.h"

#include <algorithm>
#include <cmath>

namespace nearhit {
namespace {

// The chance that at most `found` of `sample` are found where each is with `share`.
double ChanceOfAtMost(double found, double sample, double share) {
  if (share <= 0) {
    return 1;
  }
  if (share >= 1) {
    return found >= sample ? 1 : 0;
  }
  // In logarithms: the first terms may be too small for a double.
  double term = sample * std::log1p(-share);
  double sum = std::exp(term);
  const auto whole = static_cast<int>(found);
  for (int k = 0; k < whole; ++k) {
    term += std::log((sample - k) / (k + 1)) + std::log(share / (1 - share));
    sum += std::exp(term);
  }
  return sum;
}

// The share at which a falling function has come down to `least`.
template <typename Function>
double Crossing(Function chance, double least) {
  double low = 0;
  double high = 1;
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (chance(middle) > least ? low : high) = middle;
  }
  return high;
}

}  // namespace

double UpperShare(double found, double sample, double confidence) {
  if (found >= sample) {
    return 1;
  }
  return Crossing([&](double share) { return ChanceOfAtMost(found, sample, share); },
                  1 - confidence);
}

double LowerShare(double found, double sample, double confidence) {
  if (found <= 0) {
    return 0;
  }
  return Crossing([&](double share) { return ChanceOfAtMost(found - 1, sample, share); },
                  confidence);
}

int MostFound(double sample, double share, double confidence, int limit) {
  if (sample <= 0 || share <= 0) {
    return -1;
  }
  int found = -1;
  double term = sample * std::log1p(-share);
  for (double sum = std::exp(term); found < limit && found < sample && sum <= 1 - confidence;
       ++found) {
    const double next = found + 1;
    term += std::log(std::max(sample - next, 0.0) / (next + 1)) + std::log(share / (1 - share));
    sum += std::exp(term);
  }
  return found;
}

}  // namespace nearhit
