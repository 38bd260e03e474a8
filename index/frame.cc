#include "index/frame.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nearhit {

namespace {

constexpr std::size_t kFrameSamples = 256;
// Lengths whose squares and products float32 holds with all their digits.
constexpr double kShortest = 0x1p-20;
constexpr double kLongest = 0x1p20;

struct Moments {
  std::vector<double> mean;
  double variance = 0;  // mean squared distance from the mean
};

Moments MomentsOf(std::size_t dimension, const std::vector<std::vector<float>>& vectors) {
  Moments moments{.mean = std::vector<double>(dimension)};
  const auto count = static_cast<double>(vectors.size());
  for (const std::vector<float>& vector : vectors) {
    for (std::size_t i = 0; i < dimension; ++i) {
      moments.mean[i] += static_cast<double>(vector[i]) / count;
    }
  }
  for (const std::vector<float>& vector : vectors) {
    for (std::size_t i = 0; i < dimension; ++i) {
      const double difference = static_cast<double>(vector[i]) - moments.mean[i];
      moments.variance += difference * difference / count;
    }
  }
  return moments;
}

double CentreOf(const Frame& frame, std::size_t i) {
  return frame.centre.empty() ? 0 : static_cast<double>(frame.centre[i]);
}

}  // namespace

std::optional<Frame> BetterFrame(std::size_t dimension, std::span<const EntryId> ids,
                                 const VectorSource& source, const Frame& now) {
  std::vector<std::vector<float>> vectors;
  std::vector<float> vector(dimension);
  const std::size_t step = std::max<std::size_t>(1, ids.size() / kFrameSamples);
  for (std::size_t i = 0; i < ids.size(); i += step) {
    if (source.Load(ids[i], vector)) {
      vectors.push_back(vector);
    }
  }
  if (vectors.empty()) {
    return std::nullopt;
  }
  const Moments moments = MomentsOf(dimension, vectors);
  double off_centre = 0;
  for (std::size_t i = 0; i < dimension; ++i) {
    const double difference = moments.mean[i] - CentreOf(now, i);
    off_centre += difference * difference;
  }
  const double spread = std::sqrt(moments.variance);
  const double length = std::sqrt(moments.variance + off_centre) * static_cast<double>(now.unit);
  if (off_centre <= moments.variance &&
      (length == 0 || (length > kShortest && length < kLongest))) {
    return std::nullopt;
  }
  Frame frame;
  for (const double component : moments.mean) {
    frame.centre.push_back(static_cast<float>(component));
  }
  if (spread > 0) {
    constexpr int kMostBits = 100;  // of a unit, whose square is a float
    frame.unit = std::ldexp(1.0F, std::clamp(-std::ilogb(spread), -kMostBits, kMostBits));
  }
  return frame;
}

}  // namespace nearhit
