// nearhit-bench near: what a cache asks of an index. Of the queries that have a neighbour at or
// above the threshold, how many find one, and what hits and misses cost apart.
#include <memory>
#include <utility>

#include "bench/workload/commands.h"
#include "bench/workload/engine_run.h"
#include "bench/workload/flags.h"
#include "bench/workload/measure.h"
#include "index/distance.h"

namespace nearhit::bench {

namespace {

struct NearFlags : EngineFlags {
  std::vector<float> thresholds = {0.7F, 0.8F, 0.9F};
};

// Sums over the queries of one kind: those with a neighbour above the threshold, or without.
struct Side {
  std::size_t queries = 0;
  std::uint64_t distances = 0;
  std::vector<double> qps{};  // by repetition

  void Put(Json* line, const std::string& suffix) const {
    if (queries == 0) {
      return;
    }
    (*line)["qps_" + suffix] = Rounded(Median(qps));
    if (distances > 0) {
      (*line)["distances_" + suffix] =
          Rounded(static_cast<double>(distances) / static_cast<double>(queries));
    }
  }
};

struct NearPoint {
  const BuiltEngine* built = nullptr;
  std::size_t ef = 0;
  float threshold = 0;  // as users see it
  EngineSearch search{};
  std::size_t found = 0;
  std::size_t nearest = 0;  // of those found: no stored vector is nearer
  Side hit{};
  Side miss{};
  std::vector<double> qps{};
  std::vector<double> p50{};
  std::vector<double> p99{};
};

bool HasHit(const EngineRun& run, const NearPoint& point, std::size_t query) {
  return run.truth.best[query] >= point.search.min_score;
}

// An index learns from its searches how its walks end, and then how far they have to go. The first
// ones end as none do later: what is low is not known yet.
void WarmUp(const EngineRun& run, const NearPoint& point) {
  constexpr int kRounds = 2;
  point.built->engine->Prepare(point.search);
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t query = 0; query < run.dataset.queries.rows; ++query) {
      SearchStats stats;
      point.built->engine->Search(run.dataset.queries.row(query), point.search, &stats);
    }
    point.built->engine->Maintain();
  }
}

void ComputeHits(const EngineRun& run, NearPoint* point) {
  point->built->engine->Prepare(point->search);
  for (std::size_t query = 0; query < run.dataset.queries.rows; ++query) {
    SearchStats stats;
    const auto rows =
        point->built->engine->Search(run.dataset.queries.row(query), point->search, &stats);
    Side& side = HasHit(run, *point, query) ? point->hit : point->miss;
    ++side.queries;
    side.distances += stats.distances;
    if (!rows.empty() && run.dataset.Score(query, rows[0]) >= point->search.min_score) {
      ++point->found;
      point->nearest += FirstIsNearest(run.dataset, run.truth, query, rows) ? 1 : 0;
    }
  }
}

double PerSecond(double micros, std::size_t calls) {
  return micros > 0 ? static_cast<double>(calls) * 1e6 / micros : 0;
}

void TimePoint(const NearFlags& flags, const EngineRun& run, NearPoint* point) {
  const Engine& engine = *point->built->engine;
  point->built->engine->Prepare(point->search);
  const Timing timing = TimeCalls(run.dataset.queries.rows, flags.threads, [&](std::size_t query) {
    SearchStats stats;
    engine.Search(run.dataset.queries.row(query), point->search, &stats);
  });
  double hit_us = 0;
  double miss_us = 0;
  for (std::size_t query = 0; query < timing.micros.size(); ++query) {
    (HasHit(run, *point, query) ? hit_us : miss_us) += timing.micros[query];
  }
  point->hit.qps.push_back(PerSecond(hit_us, point->hit.queries));
  point->miss.qps.push_back(PerSecond(miss_us, point->miss.queries));
  point->qps.push_back(timing.per_second());
  point->p50.push_back(Quantile(timing.micros, 0.50));
  point->p99.push_back(Quantile(timing.micros, 0.99));
}

void PrintPoint(const NearFlags& flags, const EngineRun& run, const NearPoint& point) {
  Json line = EngineFields(flags, run, *point.built, point.ef);
  line["threshold"] = Rounded(static_cast<double>(point.threshold));
  line["with_neighbor"] = point.hit.queries;
  if (point.hit.queries > 0) {
    line["hit_recall"] =
        Rounded(static_cast<double>(point.found) / static_cast<double>(point.hit.queries), 5);
  }
  if (point.found > 0) {
    line["nearest"] =
        Rounded(static_cast<double>(point.nearest) / static_cast<double>(point.found), 5);
  }
  line["qps"] = Rounded(Median(point.qps));
  line["p50_us"] = Rounded(Median(point.p50));
  line["p99_us"] = Rounded(Median(point.p99));
  point.hit.Put(&line, "hit");
  point.miss.Put(&line, "miss");
  line["build_s"] = Rounded(point.built->build_seconds);
  line["bytes_per_vector"] = Rounded(static_cast<double>(point.built->engine->memory_bytes()) /
                                     static_cast<double>(run.dataset.base.rows));
  Print(line);
}

Status RunNear(const NearFlags& flags) {
  NEARHIT_ASSIGN_OR_RETURN(const std::unique_ptr<EngineRun> run, PrepareRun(flags, 1));
  std::vector<NearPoint> points;
  for (const BuiltEngine& built : run->engines) {
    for (const std::size_t ef : built.ef) {
      for (const float threshold : flags.thresholds) {
        const float min_score = RawScore(flags.dataset.metric, threshold);
        points.push_back({.built = &built,
                          .ef = ef,
                          .threshold = threshold,
                          .search = {.k = 1, .ef = ef, .min_score = min_score, .any_match = true}});
        WarmUp(*run, points.back());
      }
    }
  }
  for (NearPoint& point : points) {
    ComputeHits(*run, &point);
  }
  for (std::size_t i = 0; i < flags.repetitions; ++i) {
    for (NearPoint& point : points) {
      TimePoint(flags, *run, &point);
    }
  }
  for (const NearPoint& point : points) {
    PrintPoint(flags, *run, point);
  }
  return {};
}

}  // namespace

void AddNear(CLI::App* app, Command* command) {
  auto flags = std::make_shared<NearFlags>();
  CLI::App* near =
      app->add_subcommand("near", "Hit recall above a threshold, hits and misses apart");
  flags->AddTo(near);
  AddList(near, "--threshold", &flags->thresholds, "Scores from which a neighbour is a hit");
  near->callback([=] { command->run = [=] { return RunNear(*flags); }; });
}

}  // namespace nearhit::bench
