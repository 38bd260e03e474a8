#include "bench/workload/truth.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <string>
#include <thread>

namespace nearhit::bench {

namespace {

constexpr std::size_t kQueryBlock = 32;
constexpr std::size_t kRowBlock = 64;  // stays in cache while a block of queries goes over it

// The k largest scores; the smallest of them on top.
class BestScores {
 public:
  explicit BestScores(std::size_t k) : k_(k) {}
  void Offer(double score) {
    if (heap_.size() == k_) {
      if (score <= heap_.front()) {
        return;
      }
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      heap_.pop_back();
    }
    heap_.push_back(score);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
  double worst() const { return heap_.front(); }
  double best() const { return *std::max_element(heap_.begin(), heap_.end()); }

 private:
  std::size_t k_;
  std::vector<double> heap_;
};

void SolveBlock(const Dataset& dataset, std::size_t k, std::size_t first, Truth* truth) {
  const std::size_t last = std::min(first + kQueryBlock, dataset.queries.rows);
  std::vector<BestScores> scores(last - first, BestScores(k));
  for (std::size_t row = 0; row < dataset.base.rows; row += kRowBlock) {
    const std::size_t end = std::min(row + kRowBlock, dataset.base.rows);
    for (std::size_t query = first; query < last; ++query) {
      for (std::size_t at = row; at < end; ++at) {
        scores[query - first].Offer(dataset.Score(query, at));
      }
    }
  }
  for (std::size_t query = first; query < last; ++query) {
    truth->best[query] = scores[query - first].best();
    truth->kth[query] = scores[query - first].worst();
  }
}

// The least score that counts as `score`.
double Floor(const Dataset& dataset, double score) {
  if (!dataset.float64) {
    return score - 1e-6 * std::max(1.0, std::abs(score));
  }
  const double size = dataset.metric == Metric::kCosine ? 1.0 : std::abs(score);
  return score - 1e-12 * size;
}

}  // namespace

Truth ExactTruth(const Dataset& dataset, std::size_t k, std::size_t threads) {
  Truth truth;
  truth.best.resize(dataset.queries.rows);
  truth.kth.resize(dataset.queries.rows);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t first = next.fetch_add(kQueryBlock); first < dataset.queries.rows;
         first = next.fetch_add(kQueryBlock)) {
      SolveBlock(dataset, k, first, &truth);
    }
  };
  if (threads == 0) {
    threads = std::max(1U, std::thread::hardware_concurrency());
  }
  std::vector<std::jthread> workers;
  for (std::size_t i = 1; i < threads; ++i) {
    workers.emplace_back(work);
  }
  work();
  workers.clear();
  return truth;
}

Result<Truth> ReadTruth(const std::filesystem::path& path, const Dataset& dataset, std::size_t k) {
  if (dataset.dropped != 0) {
    return InvalidArgument("--truth counts rows, and zero rows were left out");
  }
  NEARHIT_ASSIGN_OR_RETURN(const auto rows, ReadIvecs(path));
  if (rows.size() < dataset.queries.rows) {
    return InvalidArgument(path.string() + " has fewer rows than there are queries");
  }
  Truth truth;
  const std::size_t wanted = std::min(k, dataset.base.rows);
  for (std::size_t query = 0; query < dataset.queries.rows; ++query) {
    std::vector<double> scores;
    for (std::size_t i = 0; i < std::min(wanted, rows[query].size()); ++i) {
      const std::int32_t row = rows[query][i];
      if (row < 0 || static_cast<std::size_t>(row) >= dataset.base.rows) {
        return InvalidArgument(path.string() + ": row " + std::to_string(query) + " names row " +
                               std::to_string(row) + ", which the base does not have");
      }
      scores.push_back(dataset.Score(query, static_cast<std::size_t>(row)));
    }
    if (scores.size() < wanted) {
      return InvalidArgument(path.string() + " has fewer than k neighbours in row " +
                             std::to_string(query));
    }
    truth.best.push_back(*std::max_element(scores.begin(), scores.end()));
    truth.kth.push_back(*std::min_element(scores.begin(), scores.end()));
  }
  return truth;
}

double Recall(const Dataset& dataset, const Truth& truth, std::size_t query, std::size_t k,
              std::span<const std::size_t> rows) {
  const double floor = Floor(dataset, truth.kth[query]);
  std::vector<std::size_t> distinct(rows.begin(), rows.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  const auto right = std::count_if(distinct.begin(), distinct.end(), [&](std::size_t row) {
    return dataset.Score(query, row) >= floor;
  });
  const std::size_t wanted = std::min(k, dataset.base.rows);
  return static_cast<double>(std::min(static_cast<std::size_t>(right), wanted)) /
         static_cast<double>(wanted);
}

bool FirstIsNearest(const Dataset& dataset, const Truth& truth, std::size_t query,
                    std::span<const std::size_t> rows) {
  return !rows.empty() && dataset.Score(query, rows[0]) >= Floor(dataset, truth.best[query]);
}

}  // namespace nearhit::bench
