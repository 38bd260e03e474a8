// nearhit-bench ann: recall@k against speed and memory.
#include <memory>

#include "bench/workload/commands.h"
#include "bench/workload/engine_run.h"
#include "bench/workload/measure.h"

namespace nearhit::bench {

namespace {

struct AnnFlags : EngineFlags {
  std::size_t k = 10;
};

struct AnnPoint {
  const BuiltEngine* built = nullptr;
  std::size_t ef = 0;
  double recall = 0;
  double nearest = 0;  // the share of queries whose first result is a nearest one
  std::vector<double> qps{};
  std::vector<double> p50{};
  std::vector<double> p99{};
  SearchStats stats{};  // of the pass that computes recall
};

void ComputeRecall(const AnnFlags& flags, const EngineRun& run, AnnPoint* point) {
  const EngineSearch search{.k = flags.k, .ef = point->ef};
  point->built->engine->Prepare(search);
  double sum = 0;
  std::size_t nearest = 0;
  for (std::size_t query = 0; query < run.dataset.queries.rows; ++query) {
    const auto rows =
        point->built->engine->Search(run.dataset.queries.row(query), search, &point->stats);
    sum += Recall(run.dataset, run.truth, query, flags.k, rows);
    nearest += FirstIsNearest(run.dataset, run.truth, query, rows) ? 1 : 0;
  }
  const auto queries = static_cast<double>(run.dataset.queries.rows);
  point->recall = sum / queries;
  point->nearest = static_cast<double>(nearest) / queries;
}

void TimePoint(const AnnFlags& flags, const EngineRun& run, AnnPoint* point) {
  const EngineSearch search{.k = flags.k, .ef = point->ef};
  const Engine& engine = *point->built->engine;
  point->built->engine->Prepare(search);
  const Timing timing = TimeCalls(run.dataset.queries.rows, flags.threads, [&](std::size_t query) {
    SearchStats stats;
    engine.Search(run.dataset.queries.row(query), search, &stats);
  });
  point->qps.push_back(timing.per_second());
  point->p50.push_back(Quantile(timing.micros, 0.50));
  point->p99.push_back(Quantile(timing.micros, 0.99));
}

void PrintPoint(const AnnFlags& flags, const EngineRun& run, const AnnPoint& point) {
  const auto queries = static_cast<double>(run.dataset.queries.rows);
  Json line = EngineFields(flags, run, *point.built, point.ef);
  line["k"] = flags.k;
  line["recall"] = Rounded(point.recall);
  line["nearest"] = Rounded(point.nearest);
  line["qps"] = Rounded(Median(point.qps));
  line["p50_us"] = Rounded(Median(point.p50));
  line["p99_us"] = Rounded(Median(point.p99));
  if (point.stats.distances > 0) {
    line["distances"] = Rounded(static_cast<double>(point.stats.distances) / queries);
  }
  line["build_s"] = Rounded(point.built->build_seconds);
  line["bytes_per_vector"] = Rounded(static_cast<double>(point.built->engine->memory_bytes()) /
                                     static_cast<double>(run.dataset.base.rows));
  Print(line);
}

Status RunAnn(const AnnFlags& flags) {
  NEARHIT_ASSIGN_OR_RETURN(const std::unique_ptr<EngineRun> run, PrepareRun(flags, flags.k));
  std::vector<AnnPoint> points;
  for (const BuiltEngine& built : run->engines) {
    for (const std::size_t ef : built.ef) {
      points.push_back({.built = &built, .ef = ef});
      ComputeRecall(flags, *run, &points.back());  // and warms up
    }
  }
  // Engines take turns, so that a slow minute of the machine falls on all of them.
  for (std::size_t i = 0; i < flags.repetitions; ++i) {
    for (AnnPoint& point : points) {
      TimePoint(flags, *run, &point);
    }
  }
  for (const AnnPoint& point : points) {
    PrintPoint(flags, *run, point);
  }
  return {};
}

}  // namespace

void AddAnn(CLI::App* app, Command* command) {
  auto flags = std::make_shared<AnnFlags>();
  flags->options.graph_threshold = PartitionIndex::kSearchGraphThreshold;
  CLI::App* ann = app->add_subcommand("ann", "Recall@k, speed and memory of index engines");
  flags->AddTo(ann);
  ann->add_option("--k", flags->k, "Neighbours")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  ann->callback([=] { command->run = [=] { return RunAnn(*flags); }; });
}

}  // namespace nearhit::bench
