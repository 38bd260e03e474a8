// What is measured: nearhit's index as it chooses its structure, its graph and its flat scan alone,
// and stock hnswlib, behind one interface.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/workload/dataset.h"
#include "index/partition_index.h"
#include "index/vector_index.h"
#include "nearhit/result.h"

namespace nearhit::bench {

struct EngineOptions {
  Encoding encoding = Encoding::kInt8;  // hnswlib keeps float32
  std::size_t m = 16;                   // hnswlib only; nearhit's graph has 16 and 200
  std::size_t ef_construction = 200;
  std::size_t graph_threshold = PartitionIndex::kGraphThreshold;  // of nearhit
};

struct EngineSearch {
  std::size_t k = 10;
  std::size_t ef = 0;  // 0: nearhit chooses; hnswlib takes its default of 10
  float min_score =
      -std::numeric_limits<float>::infinity();  // for nearhit; peers have no use for it
  bool any_match = false;                       // likewise
};

// Thread-safety: Search runs together with Search; everything else is externally synchronized.
class Engine {
 public:
  virtual ~Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  virtual Status Build(const VectorMatrix& base) = 0;  // `base` must outlive the engine
  // Searches return these rows only, from now on.
  virtual Status KeepOnly(const std::vector<bool>& rows) = 0;
  virtual void Prepare(const EngineSearch& /*search*/) {}
  // What a server does in the minutes after it was asked for the first time.
  virtual void Maintain() {}
  // Rows of the base, best first.
  virtual std::vector<std::size_t> Search(VectorView query, const EngineSearch& search,
                                          SearchStats* stats) const = 0;
  virtual std::size_t memory_bytes() const = 0;
  virtual bool uses_ef() const = 0;
  virtual std::string encoding() const = 0;

 protected:
  Engine() = default;
};

inline const std::vector<std::string> kEngineNames = {"nearhit", "graph", "flat", "hnswlib"};

// `name`: one of kEngineNames.
std::unique_ptr<Engine> MakeEngine(std::string_view name, const Dataset& dataset,
                                   const EngineOptions& options);

}  // namespace nearhit::bench
