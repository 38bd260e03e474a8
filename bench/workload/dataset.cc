#include "bench/workload/dataset.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "bench/workload/flags.h"
#include "index/distance.h"

namespace nearhit::bench {

namespace {

void KeepRows(VectorMatrix* matrix, std::size_t rows) {
  matrix->rows = rows;
  matrix->values.resize(rows * matrix->dimension);
}

// Moves the last `count` rows of `base` into a matrix of their own.
VectorMatrix TakeLast(VectorMatrix* base, std::size_t count) {
  VectorMatrix taken{.rows = count, .dimension = base->dimension, .values = {}};
  const std::size_t kept = base->rows - count;
  taken.values.assign(base->values.begin() + static_cast<std::ptrdiff_t>(kept * base->dimension),
                      base->values.end());
  KeepRows(base, kept);
  return taken;
}

// As many rows of `base` as wanted, evenly over it.
VectorMatrix Sample(const VectorMatrix& base, std::size_t wanted) {
  const std::size_t count = std::min(wanted, base.rows);
  VectorMatrix sample{.rows = count, .dimension = base.dimension, .values = {}};
  for (std::size_t i = 0; i < count; ++i) {
    const VectorView row = base.row(i * base.rows / count);
    sample.values.insert(sample.values.end(), row.begin(), row.end());
  }
  return sample;
}

// Shares no code with what it judges.
double Float64Score(Metric metric, VectorView a, VectorView b) {
  double dot = 0;
  double squares_a = 0;
  double squares_b = 0;
  double distance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    dot += x * y;
    squares_a += x * x;
    squares_b += y * y;
    distance += (x - y) * (x - y);
  }
  if (metric == Metric::kL2) {
    return -distance;
  }
  return metric == Metric::kCosine ? dot / std::sqrt(squares_a * squares_b) : dot;
}

}  // namespace

void DatasetFlags::AddTo(CLI::App* command) {
  command->add_option("--base", base, "Vectors to index: fvecs, bvecs, fbin, i8bin, u8bin, npy")
      ->required();
  command->add_option("--query", query, "Vectors to search for");
  command->add_option("--hold-out", hold_out, "Instead of --query: the last rows of the base");
  command->add_option("--ask-base", ask_base, "Instead of --query: so many rows that stay in it");
  AddMetricFlag(command, &metric);
  command->add_option("--max-base", max_base, "Use the first rows only (0: all)");
  command->add_option("--max-queries", max_queries, "Use the first queries only (0: all)");
}

double Dataset::Score(std::size_t query, std::size_t row) const {
  const VectorView a = queries.row(query);
  const VectorView b = base.row(row);
  if (float64) {
    return Float64Score(metric, a, b);
  }
  return metric == Metric::kL2 ? -Kernels().l2_squared(a.data(), b.data(), a.size())
                               : Kernels().dot(a.data(), b.data(), a.size());
}

std::size_t NormalizeRows(VectorMatrix* matrix) {
  std::size_t kept = 0;
  const std::size_t dimension = matrix->dimension;
  for (std::size_t i = 0; i < matrix->rows; ++i) {
    const float* from = matrix->values.data() + i * dimension;
    const double squares = std::inner_product(from, from + dimension, from, 0.0);
    const auto norm = static_cast<float>(std::sqrt(squares));
    if (norm > 0) {
      float* to = matrix->values.data() + kept * dimension;
      std::transform(from, from + dimension, to, [norm](float value) { return value / norm; });
      ++kept;
    }
  }
  const std::size_t dropped = matrix->rows - kept;
  KeepRows(matrix, kept);
  return dropped;
}

Result<Dataset> LoadDataset(const DatasetFlags& flags) {
  const int sources =
      (flags.query.empty() ? 0 : 1) + (flags.hold_out == 0 ? 0 : 1) + (flags.ask_base == 0 ? 0 : 1);
  if (sources != 1) {
    return InvalidArgument("give --query, --hold-out or --ask-base, one of the three");
  }
  Dataset dataset;
  dataset.metric = flags.metric;
  dataset.float64 = flags.float64;
  NEARHIT_ASSIGN_OR_RETURN(
      dataset.base,
      ReadVectorFile(flags.base, flags.max_base == 0 ? 0 : flags.max_base + flags.hold_out));
  if (flags.hold_out != 0) {
    if (flags.hold_out >= dataset.base.rows) {
      return InvalidArgument("--hold-out leaves nothing of " + std::to_string(dataset.base.rows) +
                             " rows");
    }
    dataset.queries = TakeLast(&dataset.base, flags.hold_out);
  } else if (flags.ask_base != 0) {
    dataset.queries = Sample(dataset.base, flags.ask_base);
  } else {
    NEARHIT_ASSIGN_OR_RETURN(dataset.queries, ReadVectorFile(flags.query, flags.max_queries));
  }
  if (flags.max_queries != 0 && dataset.queries.rows > flags.max_queries) {
    KeepRows(&dataset.queries, flags.max_queries);
  }
  if (dataset.base.dimension != dataset.queries.dimension) {
    return InvalidArgument(
        "base and queries differ in dimension: " + std::to_string(dataset.base.dimension) +
        " and " + std::to_string(dataset.queries.dimension));
  }
  if (flags.metric == Metric::kCosine) {
    dataset.dropped = NormalizeRows(&dataset.base) + NormalizeRows(&dataset.queries);
  }
  if (dataset.base.rows == 0 || dataset.queries.rows == 0) {
    return InvalidArgument("no vectors to measure with");
  }
  return dataset;
}

}  // namespace nearhit::bench
