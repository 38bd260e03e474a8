// Base vectors and queries of a measurement, ready for an index.
#pragma once

#include <cstddef>
#include <string>

#include <CLI/CLI.hpp>

#include "formats/vector_file.h"
#include "index/vector_index.h"
#include "nearhit/result.h"
#include "nearhit/types.h"

namespace nearhit::bench {

struct DatasetFlags {
  std::string base;
  std::string query;
  Metric metric = Metric::kCosine;
  std::size_t hold_out = 0;  // the last rows of the base become the queries
  std::size_t ask_base = 0;  // rows of the base become queries as well
  bool float64 = false;      // scores of the truth
  std::size_t max_base = 0;  // 0: all
  std::size_t max_queries = 0;

  void AddTo(CLI::App* command);
};

struct Dataset {
  VectorMatrix base;     // normalised under cosine
  VectorMatrix queries;  // likewise
  Metric metric = Metric::kCosine;
  bool float64 = false;     // scores are computed in double precision, component by component
  std::size_t dropped = 0;  // zero rows, which have no direction: left out under cosine

  IndexMetric index_metric() const {
    return metric == Metric::kL2       ? IndexMetric::kL2
           : metric == Metric::kCosine ? IndexMetric::kCosine
                                       : IndexMetric::kDot;
  }
  // The index's own comparable, from the vectors as they were read; larger is nearer.
  double Score(std::size_t query, std::size_t row) const;
};

// Errors: those of ReadVectorFile; kInvalidArgument when base and queries do not fit together.
Result<Dataset> LoadDataset(const DatasetFlags& flags);

// Makes each row unit length and drops zero rows; returns how many were dropped.
std::size_t NormalizeRows(VectorMatrix* matrix);

}  // namespace nearhit::bench
