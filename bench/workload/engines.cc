#include "bench/workload/engines.h"

#include <algorithm>

#include "bench/peers/stock_hnsw.h"
#include "bench/workload/flags.h"
#include "index/flat_index.h"
#include "index/partition_index.h"

namespace nearhit::bench {

namespace {

// Row i of the base is entry i + 1: 0 is never an entry.
EntryId IdOf(std::size_t row) {
  return EntryId{row + 1};
}

class MatrixSource final : public VectorSource {
 public:
  explicit MatrixSource(const VectorMatrix* base) : base_(base) {}
  bool Load(EntryId id, std::span<float> out) const override {
    const VectorView row = base_->row(id.value - 1);
    std::copy(row.begin(), row.end(), out.begin());
    return true;
  }

 private:
  const VectorMatrix* const base_;
};

class RowFilter final : public IdFilter {
 public:
  explicit RowFilter(const std::vector<bool>& rows) : rows_(rows) {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (rows[row]) {
        ids_.push_back(IdOf(row));
      }
    }
  }
  bool Accepts(EntryId id) const override { return rows_[id.value - 1]; }
  std::uint64_t count() const override { return ids_.size(); }
  std::vector<EntryId> Ids() const override { return ids_; }

 private:
  const std::vector<bool> rows_;
  std::vector<EntryId> ids_;
};

class IndexEngine final : public Engine {
 public:
  IndexEngine(std::unique_ptr<VectorIndex> index, Encoding encoding, bool uses_ef)
      : index_(std::move(index)), encoding_(encoding), uses_ef_(uses_ef) {}

  Status Build(const VectorMatrix& base) override {
    source_ = std::make_unique<MatrixSource>(&base);
    for (std::size_t row = 0; row < base.rows; ++row) {
      NEARHIT_RETURN_IF_ERROR(index_->Add(IdOf(row), base.row(row)));
    }
    Maintain();
    return {};
  }

  Status KeepOnly(const std::vector<bool>& rows) override {
    filter_ = std::make_unique<RowFilter>(rows);
    return {};
  }

  void Maintain() override {
    auto* const partition = dynamic_cast<PartitionIndex*>(index_.get());
    if (partition == nullptr) {
      return;
    }
    for (;;) {
      if (partition->NeedsMove()) {
        partition->Move(source_.get());
      } else if (!partition->TuneStep(source_.get())) {
        return;
      }
    }
  }

  std::vector<std::size_t> Search(VectorView query, const EngineSearch& search,
                                  SearchStats* stats) const override {
    const std::vector<Neighbor> found = *index_->Search(query,
                                                        {.k = search.k,
                                                         .ef = search.ef,
                                                         .min_score = search.min_score,
                                                         .any_match = search.any_match,
                                                         .filter = filter_.get(),
                                                         .source = source_.get()},
                                                        stats);
    std::vector<std::size_t> rows;
    rows.reserve(found.size());
    for (const Neighbor& neighbor : found) {
      rows.push_back(neighbor.id.value - 1);
    }
    return rows;
  }

  std::size_t memory_bytes() const override { return index_->memory_bytes(); }
  bool uses_ef() const override { return uses_ef_; }
  std::string encoding() const override { return EncodingName(encoding_); }

 private:
  const std::unique_ptr<VectorIndex> index_;
  const Encoding encoding_;
  const bool uses_ef_;
  std::unique_ptr<MatrixSource> source_;
  std::unique_ptr<RowFilter> filter_;  // null: all rows
};

class StockEngine final : public Engine {
 public:
  StockEngine(const Dataset& dataset, const EngineOptions& options)
      : stock_(MakeStockHnsw({.dimension = dataset.base.dimension,
                              .capacity = dataset.base.rows,
                              .m = options.m,
                              .ef_construction = options.ef_construction,
                              .l2 = dataset.metric == Metric::kL2})) {}

  Status Build(const VectorMatrix& base) override {
    if (stock_ == nullptr) {
      return ResourceExhausted("hnswlib cannot be set up");
    }
    for (std::size_t row = 0; row < base.rows; ++row) {
      if (!stock_->Add(base.row(row).data(), row)) {
        return Internal("hnswlib refused row " + std::to_string(row));
      }
    }
    return {};
  }

  Status KeepOnly(const std::vector<bool>& rows) override {
    return stock_->KeepOnly(rows) ? Status() : Internal("hnswlib refused to mark rows");
  }

  void Prepare(const EngineSearch& search) override {
    stock_->SetEf(search.ef == 0 ? 10 : search.ef);
  }

  std::vector<std::size_t> Search(VectorView query, const EngineSearch& search,
                                  SearchStats* /*stats*/) const override {
    std::vector<StockNeighbor> found(search.k);
    found.resize(stock_->Search(query.data(), search.k, found.data()));
    std::vector<std::size_t> rows;
    rows.reserve(found.size());
    for (const StockNeighbor& neighbor : found) {
      rows.push_back(neighbor.label);
    }
    return rows;
  }

  std::size_t memory_bytes() const override { return stock_->memory_bytes(); }
  bool uses_ef() const override { return true; }
  std::string encoding() const override { return EncodingName(Encoding::kFloat32); }

 private:
  const std::unique_ptr<StockHnsw> stock_;
};

}  // namespace

std::unique_ptr<Engine> MakeEngine(std::string_view name, const Dataset& dataset,
                                   const EngineOptions& options) {
  if (name == "hnswlib") {
    return std::make_unique<StockEngine>(dataset, options);
  }
  const std::size_t dimension = dataset.base.dimension;
  const Codec codec(dimension, dataset.index_metric(), options.encoding);
  std::unique_ptr<VectorIndex> index;
  bool uses_ef = true;
  if (name == "flat") {
    index = std::make_unique<FlatIndex>(codec);
    uses_ef = false;
  } else {
    const std::size_t threshold =
        name == "graph" ? 0 : PartitionIndex::ThresholdFor(dimension, options.graph_threshold);
    index = std::make_unique<PartitionIndex>(dimension, dataset.index_metric(), options.encoding,
                                             threshold);
    uses_ef = dataset.base.rows >= threshold;
  }
  return std::make_unique<IndexEngine>(std::move(index), options.encoding, uses_ef);
}

}  // namespace nearhit::bench
