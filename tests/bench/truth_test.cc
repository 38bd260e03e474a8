#include "bench/workload/truth.h"

#include <array>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::bench {
namespace {

// Rows 0..4 at 0, 1, 2, 3, 3 on a line; the query at 0. Rows 3 and 4 tie.
Dataset OnALine() {
  Dataset dataset;
  dataset.metric = Metric::kL2;
  dataset.base = {.rows = 5, .dimension = 1, .values = {0, 1, 2, 3, 3}};
  dataset.queries = {.rows = 1, .dimension = 1, .values = {0}};
  return dataset;
}

TEST(TruthTest, KnowsTheBestAndTheKth) {
  const Truth truth = ExactTruth(OnALine(), 3, 1);
  EXPECT_EQ(truth.best[0], 0);
  EXPECT_EQ(truth.kth[0], -4);
}

TEST(TruthTest, AgreesWithASortOfEverything) {
  constexpr std::size_t kRows = 300;
  constexpr std::size_t kQueries = 70;  // more than two blocks
  RandomVectors vectors(24, 10, 5);
  Dataset dataset;
  dataset.base = {.rows = kRows, .dimension = 24, .values = {}};
  dataset.queries = {.rows = kQueries, .dimension = 24, .values = {}};
  for (std::size_t i = 0; i < kRows + kQueries; ++i) {
    const std::vector<float> vector = vectors.Next();
    std::vector<float>& values = i < kRows ? dataset.base.values : dataset.queries.values;
    values.insert(values.end(), vector.begin(), vector.end());
  }
  const Truth truth = ExactTruth(dataset, 10, 2);
  for (std::size_t query = 0; query < kQueries; ++query) {
    std::vector<float> scores;
    for (std::size_t row = 0; row < kRows; ++row) {
      scores.push_back(static_cast<float>(dataset.Score(query, row)));
    }
    std::sort(scores.begin(), scores.end(), std::greater<>());
    EXPECT_EQ(truth.best[query], scores[0]);
    EXPECT_EQ(truth.kth[query], scores[9]);
  }
}

TEST(TruthTest, TiesCountFairly) {
  const Dataset dataset = OnALine();
  const Truth truth = ExactTruth(dataset, 4, 1);
  const std::array<std::size_t, 4> one_of_the_tied = {0, 1, 2, 4};
  const std::array<std::size_t, 4> the_other = {0, 1, 2, 3};
  EXPECT_EQ(Recall(dataset, truth, 0, 4, one_of_the_tied), 1);
  EXPECT_EQ(Recall(dataset, truth, 0, 4, the_other), 1);
}

TEST(TruthTest, CountsNothingTwiceAndNothingWrong) {
  const Dataset dataset = OnALine();
  const Truth truth = ExactTruth(dataset, 2, 1);
  const std::array<std::size_t, 2> twice = {0, 0};
  const std::array<std::size_t, 2> one_wrong = {1, 3};
  EXPECT_EQ(Recall(dataset, truth, 0, 2, twice), 0.5);
  EXPECT_EQ(Recall(dataset, truth, 0, 2, one_wrong), 0.5);
  EXPECT_EQ(Recall(dataset, truth, 0, 2, {}), 0);
}

TEST(TruthTest, AsksForNoMoreThanThereIs) {
  const Dataset dataset = OnALine();
  const Truth truth = ExactTruth(dataset, 10, 1);
  const std::array<std::size_t, 5> all = {0, 1, 2, 3, 4};
  EXPECT_EQ(Recall(dataset, truth, 0, 10, all), 1);
}

void WriteIvecs(const std::filesystem::path& path, const std::vector<std::int32_t>& row) {
  std::ofstream out(path, std::ios::binary);
  const auto count = static_cast<std::int32_t>(row.size());
  out.write(reinterpret_cast<const char*>(&count), sizeof(count));
  out.write(reinterpret_cast<const char*>(row.data()),
            static_cast<std::streamsize>(row.size() * sizeof(std::int32_t)));
}

TEST(TruthTest, ReadsAndRefusesIvecs) {
  const TempDir dir;
  const Dataset dataset = OnALine();
  WriteIvecs(dir.path() / "good.ivecs", {0, 1, 2});
  const auto good = ReadTruth(dir.path() / "good.ivecs", dataset, 3);
  ASSERT_THAT(good, IsOk());
  EXPECT_EQ(good->kth[0], -4);
  EXPECT_THAT(ReadTruth(dir.path() / "good.ivecs", dataset, 4),
              StatusIs(StatusCode::kInvalidArgument));
  WriteIvecs(dir.path() / "bad.ivecs", {0, 9});
  EXPECT_THAT(ReadTruth(dir.path() / "bad.ivecs", dataset, 2),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(DatasetTest, NormalizesAndDropsZeroRows) {
  VectorMatrix matrix{.rows = 3, .dimension = 2, .values = {3, 4, 0, 0, 0, 2}};
  EXPECT_EQ(NormalizeRows(&matrix), 1U);
  EXPECT_EQ(matrix.rows, 2U);
  EXPECT_FLOAT_EQ(matrix.values[0], 0.6F);
  EXPECT_FLOAT_EQ(matrix.values[3], 1.0F);
}

}  // namespace
}  // namespace nearhit::bench
