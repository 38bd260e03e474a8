// Stock hnswlib, float32, with its own insert and search: the peer that the index is measured
// against. A shared library of its own (see CMakeLists.txt); nothing of hnswlib shows here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace nearhit::bench {

struct StockHnswOptions {
  std::size_t dimension = 0;
  std::size_t capacity = 0;
  std::size_t m = 16;
  std::size_t ef_construction = 200;
  bool l2 = false;  // otherwise the inner product
};

struct StockNeighbor {
  std::uint64_t label = 0;
  float score = 0;  // inner product, or minus the squared distance: larger is nearer
};

// Thread-safety: Search runs together with Search; everything else is externally synchronized.
class StockHnsw {
 public:
  virtual ~StockHnsw() = default;
  StockHnsw(const StockHnsw&) = delete;
  StockHnsw& operator=(const StockHnsw&) = delete;

  // False when hnswlib refuses.
  virtual bool Add(const float* vector, std::uint64_t label) = 0;
  // Marks as deleted all but these: a walk goes over them and does not return them, which is what
  // later versions of hnswlib do with a filter. Empty: none is. False when hnswlib refuses.
  virtual bool KeepOnly(const std::vector<bool>& labels) = 0;
  // hnswlib has one ef for the whole index.
  virtual void SetEf(std::size_t ef) = 0;
  // Fills `out` (room for `k`), best first; returns how many.
  virtual std::size_t Search(const float* query, std::size_t k, StockNeighbor* out) const = 0;
  virtual std::size_t memory_bytes() const = 0;

 protected:
  StockHnsw() = default;
};

// Null when hnswlib cannot be set up (out of memory).
[[gnu::visibility("default")]] std::unique_ptr<StockHnsw> MakeStockHnsw(
    const StockHnswOptions& options);

}  // namespace nearhit::bench
