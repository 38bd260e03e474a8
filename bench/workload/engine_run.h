// What `ann` and `near` share: the engines asked for, built over one data set, and their flags.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/workload/dataset.h"
#include "bench/workload/engines.h"
#include "bench/workload/report.h"
#include "bench/workload/truth.h"

namespace nearhit::bench {

struct EngineFlags {
  DatasetFlags dataset;
  std::string truth;
  std::vector<std::string> engines = {"nearhit", "hnswlib"};
  EngineOptions options;
  std::vector<std::size_t> ef = {16, 32, 64};
  std::size_t threads = 1;
  std::size_t repetitions = 1;

  void AddTo(CLI::App* command);
};

struct BuiltEngine {
  std::string name;
  std::unique_ptr<Engine> engine;
  std::vector<std::size_t> ef;  // {0} for an engine that has none
  double build_seconds = 0;
};

struct EngineRun {
  Dataset dataset;
  Truth truth;
  std::vector<BuiltEngine> engines;
};

// Reads, makes or reads the truth for `k`, builds. Says on standard error what it is doing.
Result<std::unique_ptr<EngineRun>> PrepareRun(const EngineFlags& flags, std::size_t k);

// The fields with which every line begins.
Json EngineFields(const EngineFlags& flags, const EngineRun& run, const BuiltEngine& built,
                  std::size_t ef);

}  // namespace nearhit::bench
