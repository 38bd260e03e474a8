#include "bench/peers/stock_hnsw.h"

#include <cstdlib>
#include <exception>
#include <fstream>  // hnswlib 0.6.2 uses these three without including them
#include <iostream>
#include <queue>
#include <unordered_map>

#include <hnswlib/hnswlib.h>

namespace nearhit::bench {

namespace {

std::unique_ptr<hnswlib::SpaceInterface<float>> MakeSpace(const StockHnswOptions& options) {
  if (options.l2) {
    return std::make_unique<hnswlib::L2Space>(options.dimension);
  }
  return std::make_unique<hnswlib::InnerProductSpace>(options.dimension);
}

class StockHnswImpl final : public StockHnsw {
 public:
  explicit StockHnswImpl(const StockHnswOptions& options)
      : options_(options),
        space_(MakeSpace(options)),
        graph_(space_.get(), options.capacity, options.m, options.ef_construction) {}

  bool Add(const float* vector, std::uint64_t label) override {
    try {
      graph_.addPoint(vector, label);
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  bool KeepOnly(const std::vector<bool>& labels) override {
    try {
      for (std::uint64_t label = 0; label < graph_.cur_element_count; ++label) {
        const bool keep = labels.empty() || labels[label];
        const bool kept = !graph_.isMarkedDeleted(graph_.label_lookup_.at(label));
        if (keep && !kept) {
          graph_.unmarkDelete(label);
        } else if (!keep && kept) {
          graph_.markDelete(label);
        }
      }
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  void SetEf(std::size_t ef) override { graph_.setEf(ef); }

  std::size_t Search(const float* query, std::size_t k, StockNeighbor* out) const override {
    auto found = graph_.searchKnn(query, k);  // worst on top
    const std::size_t count = found.size();
    for (std::size_t i = count; i-- > 0; found.pop()) {
      const float distance = found.top().first;
      out[i] = {.label = found.top().second, .score = options_.l2 ? -distance : 1 - distance};
    }
    return count;
  }

  std::size_t memory_bytes() const override {
    constexpr std::size_t kUpdateLocks = 65'536;
    constexpr std::size_t kLookupNode = 40;  // of label_lookup_, bucket included
    std::size_t upper = 0;
    for (std::size_t i = 0; i < graph_.cur_element_count; ++i) {
      upper += static_cast<std::size_t>(graph_.element_levels_[i]) * graph_.size_links_per_element_;
    }
    return options_.capacity * (graph_.size_data_per_element_ + sizeof(void*) + sizeof(int) +
                                sizeof(std::mutex) + sizeof(std::uint16_t)) +
           kUpdateLocks * sizeof(std::mutex) + graph_.cur_element_count * kLookupNode + upper;
  }

 private:
  const StockHnswOptions options_;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  hnswlib::HierarchicalNSW<float> graph_;
};

}  // namespace

std::unique_ptr<StockHnsw> MakeStockHnsw(const StockHnswOptions& options) {
  try {
    return std::make_unique<StockHnswImpl>(options);
  } catch (const std::exception&) {
    return nullptr;
  }
}

}  // namespace nearhit::bench
