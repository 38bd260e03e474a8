// nearhit-bench filter: searches among the rows that a filter lets pass, over how many they are.
#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

#include "bench/workload/commands.h"
#include "bench/workload/engine_run.h"
#include "bench/workload/flags.h"
#include "bench/workload/measure.h"
#include "index/distance.h"

namespace nearhit::bench {

namespace {

struct FilterFlags : EngineFlags {
  std::size_t k = 10;
  std::vector<double> shares = {0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1};
};

// Which rows pass.
enum class Layout {
  kRandom,  // any
  kRegion,  // the nearest of one row: far from most queries, and all there is near the others
};

// The rows that pass, in a matrix of their own, with the right answers.
struct Passing {
  std::vector<bool> rows;
  std::vector<std::size_t> matching;  // those rows, ascending
  std::vector<std::size_t> place;     // of each row of the base in the matrix
  Dataset dataset;
  Truth truth;
};

std::vector<std::size_t> RowsOf(const Dataset& dataset, Layout layout, std::size_t count) {
  std::mt19937 random(7);
  std::vector<std::size_t> rows(dataset.base.rows);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (layout == Layout::kRandom) {
    std::shuffle(rows.begin(), rows.end(), random);
  } else {
    const VectorView centre = dataset.base.row(random() % rows.size());
    std::vector<float> distance(rows.size());
    for (const std::size_t row : rows) {
      distance[row] =
          Kernels().l2_squared(centre.data(), dataset.base.row(row).data(), centre.size());
    }
    std::sort(rows.begin(), rows.end(),
              [&](std::size_t a, std::size_t b) { return distance[a] < distance[b]; });
  }
  rows.resize(count);
  std::sort(rows.begin(), rows.end());
  return rows;
}

Passing MakePassing(const FilterFlags& flags, const Dataset& all, Layout layout, double share) {
  const auto wanted = static_cast<std::size_t>(share * static_cast<double>(all.base.rows));
  const std::vector<std::size_t> rows = RowsOf(all, layout, std::max<std::size_t>(1, wanted));
  Passing passing{
      .rows = std::vector<bool>(all.base.rows),
      .matching = rows,
      .place = std::vector<std::size_t>(all.base.rows),
      .dataset = {.base = {.rows = rows.size(), .dimension = all.base.dimension, .values = {}},
                  .queries = all.queries,
                  .metric = all.metric,
                  .float64 = all.float64},
      .truth = {}};
  for (std::size_t place = 0; place < rows.size(); ++place) {
    const VectorView row = all.base.row(rows[place]);
    passing.rows[rows[place]] = true;
    passing.place[rows[place]] = place;
    passing.dataset.base.values.insert(passing.dataset.base.values.end(), row.begin(), row.end());
  }
  passing.truth = ExactTruth(passing.dataset, flags.k, /*threads=*/0);
  return passing;
}

// Brute force over the float32 vectors of the rows that pass, where they lie among the others.
std::vector<std::size_t> Scan(const Dataset& all, const Passing& passing, VectorView query,
                              std::size_t k) {
  std::vector<std::pair<float, std::size_t>> best;  // a heap, the worst on top
  const auto nearer = [](const auto& a, const auto& b) { return a.first > b.first; };
  for (std::size_t place = 0; place < passing.matching.size(); ++place) {
    const float* const values = all.base.row(passing.matching[place]).data();
    const float score = all.metric == Metric::kL2
                            ? -Kernels().l2_squared(query.data(), values, query.size())
                            : Kernels().dot(query.data(), values, query.size());
    if (best.size() == k) {
      if (score <= best.front().first) {
        continue;
      }
      std::pop_heap(best.begin(), best.end(), nearer);
      best.pop_back();
    }
    best.emplace_back(score, place);
    std::push_heap(best.begin(), best.end(), nearer);
  }
  std::sort_heap(best.begin(), best.end(), nearer);
  std::vector<std::size_t> rows;
  rows.reserve(best.size());
  for (const auto& [score, place] : best) {
    rows.push_back(place);
  }
  return rows;
}

// One line of the output: what answers, and how well and fast.
struct FilterPoint {
  std::string engine;
  std::size_t ef = 0;
  std::function<void()> prepare;
  std::function<std::vector<std::size_t>(std::size_t query, SearchStats*)> ask;  // places
  double recall = 0;
  std::size_t too_few = 0;  // answers with fewer rows than there are
  SearchStats stats{};
  std::vector<double> p50{};
  std::vector<double> mean{};
};

std::vector<FilterPoint> PointsOf(const FilterFlags& flags, EngineRun* run,
                                  const Passing& passing) {
  std::vector<FilterPoint> points;
  points.push_back({.engine = "scan",
                    .prepare = [] {},
                    .ask =
                        [&flags, &passing, run](std::size_t query, SearchStats* stats) {
                          stats->distances += passing.dataset.base.rows;
                          return Scan(run->dataset, passing, passing.dataset.queries.row(query),
                                      flags.k);
                        }});
  for (BuiltEngine& built : run->engines) {
    for (const std::size_t ef : built.ef) {
      const EngineSearch search{.k = flags.k, .ef = ef};
      Engine* const engine = built.engine.get();
      points.push_back({.engine = built.name,
                        .ef = ef,
                        .prepare = [engine, search] { engine->Prepare(search); },
                        .ask =
                            [engine, search, &passing](std::size_t query, SearchStats* stats) {
                              auto rows =
                                  engine->Search(passing.dataset.queries.row(query), search, stats);
                              std::ranges::transform(rows, rows.begin(), [&](std::size_t row) {
                                return passing.place[row];
                              });
                              return rows;
                            }});
    }
  }
  return points;
}

void ComputeRecall(const FilterFlags& flags, const Passing& passing, FilterPoint* point) {
  point->prepare();
  const std::size_t queries = passing.dataset.queries.rows;
  for (std::size_t query = 0; query < queries; ++query) {
    const std::vector<std::size_t> places = point->ask(query, &point->stats);
    point->recall += Recall(passing.dataset, passing.truth, query, flags.k, places) /
                     static_cast<double>(queries);
    point->too_few += places.size() < std::min(flags.k, passing.dataset.base.rows) ? 1 : 0;
  }
}

void TimePoint(const FilterFlags& flags, const Passing& passing, FilterPoint* point) {
  point->prepare();
  const Timing timing =
      TimeCalls(passing.dataset.queries.rows, flags.threads, [&](std::size_t query) {
        SearchStats stats;
        point->ask(query, &stats);
      });
  point->p50.push_back(Quantile(timing.micros, 0.50));
  point->mean.push_back(1e6 / timing.per_second());
}

void PrintPoint(const FilterFlags& flags, const Passing& passing, Layout layout, double share,
                const FilterPoint& point) {
  const auto queries = static_cast<double>(passing.dataset.queries.rows);
  Print({{"engine", point.engine},
         {"ef", point.ef},
         {"rows", passing.rows.size()},
         {"layout", layout == Layout::kRandom ? "random" : "region"},
         {"share", share},
         {"matching", passing.dataset.base.rows},
         {"k", flags.k},
         {"recall", Rounded(point.recall)},
         {"too_few", point.too_few},
         {"distances", Rounded(static_cast<double>(point.stats.distances) / queries)},
         {"p50_us", Rounded(Median(point.p50))},
         {"mean_us", Rounded(Median(point.mean))}});
}

Status RunFilter(const FilterFlags& flags) {
  NEARHIT_ASSIGN_OR_RETURN(const std::unique_ptr<EngineRun> run, PrepareRun(flags, flags.k));
  for (const Layout layout : {Layout::kRandom, Layout::kRegion}) {
    for (const double share : flags.shares) {
      const Passing passing = MakePassing(flags, run->dataset, layout, share);
      for (const BuiltEngine& built : run->engines) {
        NEARHIT_RETURN_IF_ERROR(built.engine->KeepOnly(passing.rows));
      }
      std::vector<FilterPoint> points = PointsOf(flags, run.get(), passing);
      for (FilterPoint& point : points) {
        ComputeRecall(flags, passing, &point);
      }
      for (std::size_t i = 0; i < flags.repetitions; ++i) {
        for (FilterPoint& point : points) {
          TimePoint(flags, passing, &point);
        }
      }
      for (const FilterPoint& point : points) {
        PrintPoint(flags, passing, layout, share, point);
      }
    }
  }
  return {};
}

}  // namespace

void AddFilter(CLI::App* app, Command* command) {
  auto flags = std::make_shared<FilterFlags>();
  flags->options.graph_threshold = PartitionIndex::kSearchGraphThreshold;
  CLI::App* filter =
      app->add_subcommand("filter", "Searches with a filter, over the share of rows that pass");
  flags->AddTo(filter);
  filter->add_option("--k", flags->k, "Neighbours")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  AddList(filter, "--share", &flags->shares, "Shares of the rows that pass")
      ->check(CLI::Range(0.0, 1.0));
  filter->callback([=] { command->run = [=] { return RunFilter(*flags); }; });
}

}  // namespace nearhit::bench
