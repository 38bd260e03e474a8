#include "bench/workload/engine_run.h"

#include <utility>

#include "bench/workload/flags.h"
#include "bench/workload/measure.h"
#include "index/distance.h"

namespace nearhit::bench {

void EngineFlags::AddTo(CLI::App* command) {
  dataset.AddTo(command);
  command->add_option("--truth", truth, "ivecs of true neighbours; made when not given");
  command
      ->add_option_function<std::string>(
          "--truth-in", [this](const std::string& type) { dataset.float64 = type == "float64"; },
          "float32, or float64: an oracle for data that float32 cannot tell apart")
      ->check(CLI::IsMember({"float32", "float64"}));
  AddList(command, "--engine", &engines, "nearhit, graph, flat, hnswlib")
      ->check(CLI::IsMember(kEngineNames));
  AddEncodingFlag(command, &options.encoding);
  AddList(command, "--ef", &ef, "Candidates a graph keeps; 0: as the engine chooses");
  command->add_option("--threads", threads, "Searching threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--repetitions", repetitions, "Runs over all queries; the median counts")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  command->add_option("--m", options.m, "Links of a node, hnswlib only (nearhit: 16)")
      ->check(CLI::Range(2, 128))
      ->capture_default_str();
  command->add_option("--ef-construction", options.ef_construction, "hnswlib only (nearhit: 200)")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
}

Result<std::unique_ptr<EngineRun>> PrepareRun(const EngineFlags& flags, std::size_t k) {
  auto run = std::make_unique<EngineRun>();
  NEARHIT_ASSIGN_OR_RETURN(run->dataset, LoadDataset(flags.dataset));
  const Dataset& dataset = run->dataset;
  Remark(std::to_string(dataset.base.rows) + " x " + std::to_string(dataset.base.dimension) +
         " vectors, " + std::to_string(dataset.queries.rows) + " queries, " +
         std::to_string(dataset.dropped) + " zero rows left out, kernels " +
         std::string(Kernels().name));
  const auto start = SteadyClock::now();
  if (flags.truth.empty()) {
    run->truth = ExactTruth(dataset, k, /*threads=*/0);
    Remark("exact truth in " + std::to_string(SecondsSince(start)) + " s");
  } else {
    NEARHIT_ASSIGN_OR_RETURN(run->truth, ReadTruth(flags.truth, dataset, k));
  }
  for (const std::string& name : flags.engines) {
    BuiltEngine built{.name = name, .engine = MakeEngine(name, dataset, flags.options), .ef = {}};
    const auto begin = SteadyClock::now();
    NEARHIT_RETURN_IF_ERROR(built.engine->Build(dataset.base));
    built.build_seconds = SecondsSince(begin);
    built.ef = built.engine->uses_ef() ? flags.ef : std::vector<std::size_t>{0};
    Remark(name + " built in " + std::to_string(built.build_seconds) + " s");
    run->engines.push_back(std::move(built));
  }
  return run;
}

Json EngineFields(const EngineFlags& flags, const EngineRun& run, const BuiltEngine& built,
                  std::size_t ef) {
  return {{"engine", built.name},
          {"encoding", built.engine->encoding()},
          {"rows", run.dataset.base.rows},
          {"dimension", run.dataset.base.dimension},
          {"queries", run.dataset.queries.rows},
          {"threads", flags.threads},
          {"ef", ef}};
}

}  // namespace nearhit::bench
