// The exact answer, and how much of it a search found.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "bench/workload/dataset.h"
#include "nearhit/result.h"

namespace nearhit::bench {

// What decides whether an answer is right: scores, not ids, so that ties count fairly.
struct Truth {
  std::vector<double> best;  // by query: score of the nearest
  std::vector<double> kth;   // by query: score of the k-th nearest (the last, when fewer are there)
};

// Compares every query with every row, as Dataset::Score does, on `threads` threads (0: all).
Truth ExactTruth(const Dataset& dataset, std::size_t k, std::size_t threads);

// From an ivecs file. Errors: those of ReadIvecs; kInvalidArgument when it does not fit.
Result<Truth> ReadTruth(const std::filesystem::path& path, const Dataset& dataset, std::size_t k);

// The share of the k true neighbours among `rows`: a row counts once, and when its score is not
// below the k-th by more than rounding: 1e-6 (of its size, when that is above 1) in float32, 1e-12
// of its size in float64.
double Recall(const Dataset& dataset, const Truth& truth, std::size_t query, std::size_t k,
              std::span<const std::size_t> rows);

// Whether the first of `rows` is a nearest one, by the same measure.
bool FirstIsNearest(const Dataset& dataset, const Truth& truth, std::size_t query,
                    std::span<const std::size_t> rows);

}  // namespace nearhit::bench
