// Seeded vectors for tests: clustered like embeddings, unit length.
#pragma once

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace nearhit {

class RandomVectors {
 public:
  RandomVectors(std::size_t dimension, std::size_t clusters, unsigned seed)
      : dimension_(dimension), random_(seed) {
    for (std::size_t i = 0; i < clusters; ++i) {
      centers_.push_back(Unit(Gaussian(1.0F)));
    }
  }

  // A point near a random centre; its distance to the centre is about `spread`.
  std::vector<float> Next(float spread = 0.6F) {
    std::vector<float> vector = centers_[random_() % centers_.size()];
    const std::vector<float> noise = Gaussian(spread / std::sqrt(static_cast<float>(dimension_)));
    for (std::size_t i = 0; i < dimension_; ++i) {
      vector[i] += noise[i];
    }
    return Unit(std::move(vector));
  }

  // `vector` moved a little, as a paraphrase is.
  std::vector<float> Near(const std::vector<float>& vector, float spread) {
    std::vector<float> moved = Gaussian(spread / std::sqrt(static_cast<float>(dimension_)));
    for (std::size_t i = 0; i < dimension_; ++i) {
      moved[i] += vector[i];
    }
    return Unit(std::move(moved));
  }

 private:
  std::vector<float> Gaussian(float deviation) {
    std::normal_distribution<float> normal(0, deviation);
    std::vector<float> vector(dimension_);
    for (float& component : vector) {
      component = normal(random_);
    }
    return vector;
  }
  static std::vector<float> Unit(std::vector<float> vector) {
    float squares = 0;
    for (const float component : vector) {
      squares += component * component;
    }
    for (float& component : vector) {
      component /= std::sqrt(squares);
    }
    return vector;
  }

  const std::size_t dimension_;
  std::mt19937 random_;
  std::vector<std::vector<float>> centers_;
};

}  // namespace nearhit
