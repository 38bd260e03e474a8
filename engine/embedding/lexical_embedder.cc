#include "engine/embedding/lexical_embedder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "engine/embedding/lexical_features.h"

namespace nearhit {
namespace {

constexpr std::int64_t kFrequencyOne = 1024;  // fixed point of FrequencyFactor

// 1 + ln(count) in fixed point: saying a word twice does not make it twice as important. Rounded
// far above the last bits in which mathematical libraries differ.
std::int64_t FrequencyFactor(std::size_t count) {
  if (count == 1) {
    return kFrequencyOne;
  }
  return std::llround((1.0 + std::log(static_cast<double>(count))) *
                      static_cast<double>(kFrequencyOne));
}

// Sums `features` (which it sorts) into `sums` and writes the unit vector of the sums to `row`.
void Project(std::vector<LexicalFeature>* features, std::vector<std::int64_t>* sums,
             std::span<float> row) {
  std::sort(features->begin(), features->end(),
            [](const LexicalFeature& a, const LexicalFeature& b) { return a.hash < b.hash; });
  std::fill(sums->begin(), sums->end(), 0);
  for (std::size_t i = 0; i < features->size();) {
    const LexicalFeature& feature = (*features)[i];
    std::size_t end = i + 1;
    while (end < features->size() && (*features)[end].hash == feature.hash) {
      ++end;
    }
    const std::int64_t value = feature.weight * FrequencyFactor(end - i);
    const std::uint64_t component = (feature.hash >> 1) % sums->size();
    (*sums)[component] += (feature.hash & 1) != 0 ? value : -value;
    i = end;
  }
  double square = 0;
  for (const std::int64_t sum : *sums) {
    square += static_cast<double>(sum) * static_cast<double>(sum);
  }
  if (square == 0) {  // all features met their opposites: rare, and still owed a vector
    (*sums)[(features->front().hash >> 1) % sums->size()] = 1;
    square = 1;
  }
  const double norm = std::sqrt(square);
  std::transform(sums->begin(), sums->end(), row.begin(), [norm](std::int64_t sum) {
    return static_cast<float>(static_cast<double>(sum) / norm);
  });
}

}  // namespace

std::string LexicalIdentity(std::size_t dimension) {
  return "lexical/v1/" + std::to_string(dimension);
}

LexicalEmbedder::LexicalEmbedder(std::size_t dimension)
    : dimension_(dimension), identity_(LexicalIdentity(dimension)) {
  NEARHIT_CHECK(dimension >= kMinLexicalDimension && dimension <= kMaxLexicalDimension);
}

Result<std::vector<float>> LexicalEmbedder::Embed(
    std::span<const std::string_view> texts, std::chrono::steady_clock::time_point deadline) const {
  std::vector<float> rows(texts.size() * dimension_);
  LexicalFeatures extractor;
  std::vector<std::int64_t> sums(dimension_);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return DeadlineExceeded("deadline passed after " + std::to_string(i) + " of " +
                              std::to_string(texts.size()) + " texts");
    }
    if (const Status status = extractor.Extract(texts[i]); !status.ok()) {
      return Status(status.code(),
                    "text " + std::to_string(i) + ": " + std::string(status.message()));
    }
    Project(&extractor.mutable_features(), &sums,
            std::span<float>(rows).subspan(i * dimension_, dimension_));
  }
  return rows;
}

}  // namespace nearhit
