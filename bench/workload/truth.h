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
  std::vector<float> best;  // by query: score of the nearest
  std::vector<float> kth;   // by query: score of the k-th nearest (the last, when fewer are there)
};

// Compares every query with every row, in float32, on `threads` threads (0: all).
Truth ExactTruth(const Dataset& dataset, std::size_t k, std::size_t threads);

// From an ivecs file. Errors: those of ReadIvecs; kInvalidArgument when it does not fit.
Result<Truth> ReadTruth(const std::filesystem::path& path, const Dataset& dataset, std::size_t k);

// The share of the k true neighbours among `rows`: a row counts when its true score is not below
// the k-th by more than 1e-6 (of its size, when that is above 1), and once.
double Recall(const Dataset& dataset, const Truth& truth, std::size_t query, std::size_t k,
              std::span<const std::size_t> rows);

}  // namespace nearhit::bench
