#include "engine/policy/logistic_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace nearhit {
namespace {

constexpr std::size_t kSize = kPairFeatureNames.size() + 1;  // the last one: the bias
constexpr int kMostSteps = 20;
constexpr double kConverged = 1e-4;
// The bias is as good as free.
constexpr double kBiasPenalty = 1e-3;

using Row = std::array<double, kSize>;

// In units of the scales, in which all penalties are equal.
Row Scaled(const PairFeatures& features, const PairFeatures& scales) {
  Row row{};
  for (std::size_t i = 0; i < features.size(); ++i) {
    row[i] = static_cast<double>(features[i]) / static_cast<double>(scales[i]);
  }
  row.back() = 1;
  return row;
}

Row WeightsOf(const LogisticModel& model, const PairFeatures& scales) {
  Row row{};
  for (std::size_t i = 0; i < scales.size(); ++i) {
    row[i] = static_cast<double>(model.weights[i]) * static_cast<double>(scales[i]);
  }
  row.back() = static_cast<double>(model.bias);
  return row;
}

LogisticModel ModelOf(const Row& weights, const PairFeatures& scales) {
  LogisticModel model;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    model.weights[i] = static_cast<float>(weights[i] / static_cast<double>(scales[i]));
  }
  model.bias = static_cast<float>(weights.back());
  return model;
}

// The system of one step, of which the lower triangle counts.
struct System {
  std::vector<Row> curvature = std::vector<Row>(kSize);
  Row gradient{};
};

System SystemAt(const Row& weights, const std::vector<Row>& rows, std::span<const Example> examples,
                const Row& prior, const Row& penalties) {
  System system;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const Row& row = rows[n];
    double score = 0;
    for (std::size_t i = 0; i < kSize; ++i) {
      score += row[i] * weights[i];
    }
    const double chance = 1 / (1 + std::exp(-score));
    const double error = chance - (examples[n].serves ? 1 : 0);
    const double weight = chance * (1 - chance);
    for (std::size_t i = 0; i < kSize; ++i) {
      if (row[i] == 0) {
        continue;  // most features of a pair are
      }
      system.gradient[i] += error * row[i];
      const double scaled = weight * row[i];
      for (std::size_t j = 0; j <= i; ++j) {
        system.curvature[i][j] += scaled * row[j];
      }
    }
  }
  for (std::size_t i = 0; i < kSize; ++i) {
    system.gradient[i] += penalties[i] * (weights[i] - prior[i]);
    system.curvature[i][i] += penalties[i];
  }
  return system;
}

// By Cholesky's factors; the penalties make the matrix positive definite.
Row Solve(System system) {
  std::vector<Row>& l = system.curvature;
  Row x = system.gradient;
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = l[i][j];
      for (std::size_t k = 0; k < j; ++k) {
        sum -= l[i][k] * l[j][k];
      }
      l[i][j] = i == j ? std::sqrt(sum) : sum / l[j][j];
    }
    for (std::size_t k = 0; k < i; ++k) {
      x[i] -= l[i][k] * x[k];
    }
    x[i] /= l[i][i];
  }
  for (std::size_t i = kSize; i-- > 0;) {
    for (std::size_t k = i + 1; k < kSize; ++k) {
      x[i] -= l[k][i] * x[k];
    }
    x[i] /= l[i][i];
  }
  return x;
}

}  // namespace

float LogisticModel::Score(const PairFeatures& features) const {
  float score = bias;
  for (std::size_t i = 0; i < features.size(); ++i) {
    score += features[i] * weights[i];
  }
  return score;
}

LogisticModel FitLogistic(std::span<const Example> examples, const LogisticPrior& prior,
                          const LogisticModel& begin) {
  std::vector<Row> rows;
  rows.reserve(examples.size());
  for (const Example& example : examples) {
    rows.push_back(Scaled(*example.features, prior.scales));
  }
  const Row centre = WeightsOf(prior.model, prior.scales);
  Row penalties;
  penalties.fill(static_cast<double>(prior.penalty));
  penalties.back() = kBiasPenalty;
  Row weights = WeightsOf(begin, prior.scales);
  for (int step = 0; step < kMostSteps; ++step) {
    const Row change = Solve(SystemAt(weights, rows, examples, centre, penalties));
    double largest = 0;
    for (std::size_t i = 0; i < kSize; ++i) {
      largest = std::max(largest, std::abs(change[i]));
    }
    // Far from the solution a whole step may overshoot.
    const double part = std::min(1.0, 4 / std::max(largest, 1e-9));
    for (std::size_t i = 0; i < kSize; ++i) {
      weights[i] -= part * change[i];
    }
    if (largest < kConverged) {
      break;
    }
  }
  return ModelOf(weights, prior.scales);
}

}  // namespace nearhit
