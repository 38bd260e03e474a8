#include "tests/kinds/vector_kinds.h"

#include <cmath>

namespace nearhit {

std::string KindName(VectorKind kind) {
  switch (kind) {
    case VectorKind::kGaussian:
      return "Gaussian";
    case VectorKind::kDuplicates:
      return "Duplicates";
    case VectorKind::kOneVector:
      return "OneVector";
    case VectorKind::kAllAlike:
      return "AllAlike";
    case VectorKind::kClusters:
      return "Clusters";
    case VectorKind::kOffset:
      return "Offset";
    case VectorKind::kOneHot:
      return "OneHot";
    case VectorKind::kSparse:
      return "Sparse";
    case VectorKind::kHeavyTails:
      return "HeavyTails";
    case VectorKind::kIntegers:
      return "Integers";
    case VectorKind::kHyperplane:
      return "Hyperplane";
    case VectorKind::kWalk:
      return "Walk";
    case VectorKind::kLastOne:
      break;
  }
  return "?";
}

VectorKinds::VectorKinds(VectorKind kind, std::size_t dimension, float scale, std::uint32_t seed)
    : kind_(kind), dimension_(dimension), scale_(scale), random_(seed) {
  const std::size_t count = kind == VectorKind::kDuplicates ? 40 : 8;
  for (std::size_t i = 0; i < count; ++i) {
    few_.push_back(Gaussian(1));
  }
  last_ = Gaussian(1);
  offset_ = std::pow(10.0, static_cast<double>(1 + random_() % 6));
}

std::vector<float> VectorKinds::Gaussian(double deviation) {
  std::vector<float> vector(dimension_);
  for (float& component : vector) {
    component = static_cast<float>(deviation * normal_(random_));
  }
  return vector;
}

std::vector<float> VectorKinds::Next() {
  std::vector<float> vector = Made();
  for (float& component : vector) {
    component *= scale_;
  }
  return vector;
}

std::vector<float> VectorKinds::Made() {
  std::vector<float> vector(dimension_, 0.0F);
  switch (kind_) {
    case VectorKind::kDuplicates:
      return random_() % 4 == 0 ? Gaussian(1) : few_[random_() % few_.size()];
    case VectorKind::kOneVector:
      return random_() % 2 == 0 ? few_[0] : Gaussian(1);
    case VectorKind::kAllAlike:
      return few_[0];
    case VectorKind::kClusters: {
      const std::vector<float>& centre = few_[std::min(random_() % 8, random_() % 8)];
      vector = Gaussian(random_() % 2 == 0 ? 1e-3 : 3e-2);
      for (std::size_t i = 0; i < dimension_; ++i) {
        vector[i] += centre[i];
      }
      return vector;
    }
    case VectorKind::kOffset:
      vector = Gaussian(1);
      for (std::size_t i = 0; i < dimension_; ++i) {
        vector[i] += static_cast<float>(offset_) * few_[0][i];
      }
      return vector;
    case VectorKind::kOneHot:
      vector[random_() % dimension_] = random_() % 2 == 0 ? 1.0F : -1.0F;
      return vector;
    case VectorKind::kSparse:
      for (std::size_t i = 0; i < 5; ++i) {
        vector[random_() % dimension_] = 0.1F + std::abs(Normal());
      }
      return vector;
    case VectorKind::kHeavyTails:
      for (float& component : vector) {
        const float below = Normal();
        component = Normal() / std::max(1e-3F, std::abs(below));
      }
      return vector;
    case VectorKind::kIntegers:
      for (float& component : vector) {
        component = static_cast<float>(static_cast<int>(random_() % 7) - 3);
      }
      vector[random_() % dimension_] = 3;
      return vector;
    case VectorKind::kHyperplane:
      for (std::size_t i = 0; i < 3; ++i) {
        const float share = Normal();
        for (std::size_t at = 0; at < dimension_; ++at) {
          vector[at] += share * few_[i][at];
        }
      }
      return vector;
    case VectorKind::kWalk:
      for (float& component : last_) {
        component += 0.05F * Normal();
      }
      return last_;
    case VectorKind::kGaussian:
    case VectorKind::kLastOne:
      break;
  }
  return Gaussian(1);
}

std::vector<float> VectorKinds::Query(const std::vector<float>& stored) {
  switch (random_() % 3) {
    case 0:
      return stored;
    case 1:
      return Next();
    default: {
      std::vector<float> vector = stored;
      double squares = 0;
      for (const float component : stored) {
        squares += static_cast<double>(component) * static_cast<double>(component);
      }
      const double length = std::sqrt(squares / static_cast<double>(dimension_));
      for (float& component : vector) {
        component += static_cast<float>(0.1 * length * normal_(random_));
      }
      return vector;
    }
  }
}

}  // namespace nearhit
