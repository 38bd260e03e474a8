#include "index/rotation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/random_vectors.h"

namespace nearhit::rotation_test {
namespace {

double Dot(VectorView a, VectorView b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

constexpr std::size_t kDimensions[] = {1,  2,  3,  5,   6,   7,   8,   12,  16,  17,   31,  33,
                                       47, 63, 64, 100, 127, 128, 130, 384, 385, 1000, 1536};

TEST(RotationTest, KeepsInnerProducts) {
  for (const std::size_t dimension : kDimensions) {
    RandomVectors random(dimension, 3, 1);
    const Rotation rotation(dimension);
    const std::vector<float> a = random.Next();
    const std::vector<float> b = random.Next();
    std::vector<float> turned_a(dimension);
    std::vector<float> turned_b(dimension);
    rotation.Apply(a, turned_a);
    rotation.Apply(b, turned_b);
    const double tolerance = 1e-5 * std::sqrt(Dot(a, a) * Dot(b, b)) + 1e-6;
    EXPECT_NEAR(Dot(turned_a, turned_b), Dot(a, b), tolerance) << dimension;
    EXPECT_NEAR(Dot(turned_a, turned_a), Dot(a, a), 1e-5 * Dot(a, a) + 1e-6) << dimension;
  }
}

TEST(RotationTest, InstructionsMakeNoDifference) {
  for (const std::size_t dimension : kDimensions) {
    RandomVectors random(dimension, 3, 3);
    const std::vector<float> vector = random.Next();
    const Rotation fastest(dimension);
    const Rotation plain(dimension, Rotation::Instructions::kPlain);
    std::vector<float> a(dimension);
    std::vector<float> b(dimension);
    fastest.Apply(vector, a);
    plain.Apply(vector, b);
    EXPECT_EQ(a, b) << dimension;
    fastest.Undo(a, b);
    plain.Undo(a, a);
    EXPECT_EQ(a, b) << dimension;
  }
}

TEST(RotationTest, UndoIsTheWayBack) {
  for (const std::size_t dimension : kDimensions) {
    RandomVectors random(dimension, 3, 2);
    const Rotation& rotation = Rotation::Of(dimension);
    const std::vector<float> vector = random.Next();
    std::vector<float> turned(dimension);
    std::vector<float> back(dimension);
    rotation.Apply(vector, turned);
    rotation.Undo(turned, back);
    for (std::size_t i = 0; i < dimension; ++i) {
      ASSERT_NEAR(back[i], vector[i], 1e-5) << dimension << ' ' << i;
    }
  }
}

TEST(RotationTest, SpreadsAVectorOfOneComponent) {
  for (const std::size_t dimension : {96U, 384U, 768U, 1024U}) {
    const Rotation rotation(dimension);
    for (const std::size_t at : {std::size_t{0}, dimension / 2, dimension - 1}) {
      std::vector<float> axis(dimension);
      axis[at] = 1;
      std::vector<float> turned(dimension);
      rotation.Apply(axis, turned);
      float largest = 0;
      for (const float component : turned) {
        largest = std::max(largest, std::abs(component));
      }
      EXPECT_LT(largest, 8 / std::sqrt(static_cast<float>(dimension))) << dimension << " " << at;
    }
  }
}

}  // namespace
}  // namespace nearhit::rotation_test
