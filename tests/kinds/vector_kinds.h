// Vectors of the kinds that people store, most of which are not like sentence embeddings: for tests
// and measurements against an oracle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace nearhit {

enum class VectorKind : std::uint8_t {
  kGaussian,
  kDuplicates,  // each several times
  kOneVector,   // half of all entries are one vector
  kAllAlike,    // all entries are
  kClusters,    // tight, of very different size
  kOffset,      // far from the origin: 10 to 10^6 times the spread
  kOneHot,
  kSparse,
  kHeavyTails,
  kIntegers,    // small whole numbers: many equal distances
  kHyperplane,  // few directions
  kWalk,        // a long series: neighbours follow each other
  kLastOne,     // not a kind: how many there are
};

std::string KindName(VectorKind kind);

// Thread-safety: owned by one thread.
class VectorKinds {
 public:
  // All components are multiplied by `scale`.
  VectorKinds(VectorKind kind, std::size_t dimension, float scale, std::uint32_t seed);

  std::vector<float> Next();
  // A vector to ask for: a stored one, one near it, or another.
  std::vector<float> Query(const std::vector<float>& stored);

 private:
  std::vector<float> Made();
  std::vector<float> Gaussian(double deviation);
  float Normal() { return static_cast<float>(normal_(random_)); }

  const VectorKind kind_;
  const std::size_t dimension_;
  const float scale_;
  std::mt19937 random_;
  std::normal_distribution<double> normal_;
  std::vector<std::vector<float>> few_;  // what the others are made of
  std::vector<float> last_;
  double offset_ = 0;
};

}  // namespace nearhit
