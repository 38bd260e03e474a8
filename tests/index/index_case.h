// What index_oracle_test asks of an index, made from a seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <random>
#include <vector>

#include "index/vector_index.h"
#include "tests/kinds/vector_kinds.h"

namespace nearhit {

struct Case {
  std::uint32_t seed = 1;
  VectorKind kind = VectorKind::kGaussian;
  IndexMetric metric = IndexMetric::kDot;
  std::size_t dimension = 8;
  float scale = 1;
  std::size_t entries = 100;
  std::size_t graph_threshold = 300;
  std::size_t k = 10;
  bool maintained = true;  // moves, frames and calibration
  bool changed = false;    // entries are deleted and replaced
  bool reloaded = false;   // through a snapshot
  unsigned filtered = 0;   // 0: no filter; n: one of n passes
  bool others = false;     // all but one of n pass
  bool far = false;        // those that pass are the farthest from the question
  bool with_least = false;
};

inline std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << "seed=" << c.seed << " kind=" << KindName(c.kind)
             << " metric=" << static_cast<int>(c.metric) << " dimension=" << c.dimension
             << " scale=" << c.scale << " entries=" << c.entries
             << " graph_threshold=" << c.graph_threshold << " k=" << c.k
             << " maintained=" << c.maintained << " changed=" << c.changed
             << " reloaded=" << c.reloaded << " filtered=" << c.filtered << " others=" << c.others
             << " far=" << c.far << " with_least=" << c.with_least;
}

template <typename T>
T Any(const std::vector<T>& of, std::mt19937* random) {
  return of[(*random)() % of.size()];
}

inline Case RandomCase(std::uint32_t seed) {
  std::mt19937 random(seed);
  Case c{.seed = seed};
  c.kind = static_cast<VectorKind>(random() % static_cast<unsigned>(VectorKind::kLastOne));
  c.metric = static_cast<IndexMetric>(random() % 3);
  c.dimension = Any<std::size_t>(
      {1, 2, 3, 5, 16, 17, 31, 48, 64, 100, 257, 384, 384, 768, 2'048, 8'192}, &random);
  c.scale = Any<float>({1, 1, 1, 1, 1e-30F, 1e-20F, 1e-10F, 1e10F, 1e15F}, &random);
  c.entries = Any<std::size_t>({1, 2, 10, 63, 64, 65, 200, 511, 513, 700, 1'200, 2'000}, &random);
  c.entries = std::min(c.entries, 1 + 300'000 / c.dimension);
  c.graph_threshold = Any<std::size_t>({300, 1'000'000}, &random);
  c.k = Any<std::size_t>({1, 1, 2, 10, 10, 10, 50, c.entries / 2 + 1, c.entries + 5}, &random);
  c.maintained = random() % 4 != 0;
  c.changed = random() % 3 == 0;
  c.reloaded = random() % 5 == 0;
  c.filtered = Any<unsigned>({0, 0, 0, 2, 10, 100}, &random);
  c.with_least = random() % 5 == 0;
  c.far = random() % 2 == 0;
  c.others = random() % 2 == 0;
  return c;
}

}  // namespace nearhit
