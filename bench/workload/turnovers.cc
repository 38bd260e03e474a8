// A budget of entries, filled and then replaced over and over: recall and memory must stay.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/workload/engines.h"
#include "bench/workload/measure.h"
#include "bench/workload/mixed.h"
#include "bench/workload/report.h"
#include "bench/workload/scratch.h"
#include "bench/workload/truth.h"

namespace nearhit::bench {

namespace {

constexpr std::size_t kK = 10;
constexpr std::size_t kTurnoverBatch = 100;

// Entries are numbered in the order in which they come; entry n has the vector of row n modulo the
// rows of the base. Live are the last `budget` of them.
class Turnovers {
 public:
  Turnovers(const MixedFlags& flags, Dataset dataset)
      : flags_(flags), dataset_(std::move(dataset)) {}

  Status Open() {
    NEARHIT_ASSIGN_OR_RETURN(scratch_, ScratchDatabase::Open(flags_.on_disk));
    NamespaceConfig config;
    config.kind = NamespaceKind::kVectors;
    config.dimension = static_cast<std::uint32_t>(dataset_.base.dimension);
    config.metric = dataset_.metric;
    config.max_entries = flags_.budget;
    NEARHIT_RETURN_IF_ERROR(scratch_->db().CreateNamespace("turnover", config));
    NEARHIT_ASSIGN_OR_RETURN(store_, scratch_->db().Vectors("turnover"));
    return {};
  }

  // Adds `count` entries; the oldest go first when the budget is full.
  Status Advance(std::size_t count) {
    for (std::size_t done = 0; done < count; done += kTurnoverBatch) {
      const std::size_t batch = std::min(kTurnoverBatch, count - done);
      if (end_ - begin_ + batch > flags_.budget) {
        NEARHIT_RETURN_IF_ERROR(DeleteOldest(batch));
      }
      NEARHIT_RETURN_IF_ERROR(AddNewest(batch));
    }
    return scratch_->db().RunMaintenance();
  }

  Status Report(std::size_t turnover, double seconds) {
    const std::size_t resident = ResidentBytes();  // before the truth takes memory
    NEARHIT_ASSIGN_OR_RETURN(const NamespaceInfo info,
                             scratch_->db().DescribeNamespace("turnover"));
    double qps = 0;
    const Dataset live = Live();
    const Truth truth = ExactTruth(live, kK, /*threads=*/0);
    NEARHIT_ASSIGN_OR_RETURN(const double recall, MeasureRecall(live, truth, &qps));
    if (turnover == 0) {
      fresh_recall_ = recall;
      fresh_resident_ = resident;
    }
    Json line = {
        {"turnover", turnover},
        {"entries", info.stats.entries},
        {"storage", flags_.on_disk ? "disk" : "memory"},
        {"k", kK},
        {"recall", Rounded(recall)},
        {"recall_change", Rounded(recall - fresh_recall_, 2)},
        {"qps", Rounded(qps)},
        {"rss_mb", Rounded(static_cast<double>(resident) / 1e6)},
        {"rss_ratio", Rounded(static_cast<double>(resident) /
                              static_cast<double>(std::max<std::size_t>(fresh_resident_, 1)))},
        {"index_bytes_per_vector", Rounded(static_cast<double>(info.stats.index_bytes) /
                                           static_cast<double>(info.stats.entries))},
        {"graph", info.stats.graph_partitions > 0},
        {"seconds", Rounded(seconds)}};
    if (turnover == flags_.turnovers) {
      // Live entries are others than at first: the fair comparison is an index built of just these.
      NEARHIT_ASSIGN_OR_RETURN(const double rebuilt, RecallOfRebuilt(live, truth));
      line["recall_rebuilt"] = Rounded(rebuilt);
    }
    Print(line);
    return {};
  }

 private:
  Status DeleteOldest(std::size_t count) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(std::to_string(begin_++));
    }
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    return store_->Delete(views, Durability::kDefault).status();
  }

  Status AddNewest(std::size_t count) {
    std::vector<std::string> keys;
    keys.reserve(count);
    std::vector<UpsertRequest> requests(count);
    for (UpsertRequest& request : requests) {
      keys.push_back(std::to_string(end_));
      request.key = keys.back();
      request.vector = dataset_.base.row(end_ % dataset_.base.rows);
      request.payload = "payload";
      ++end_;
    }
    return store_->Upsert(requests, Durability::kDefault).status();
  }

  // What is stored now.
  Dataset Live() const {
    Dataset live;
    live.metric = dataset_.metric;
    live.queries = dataset_.queries;
    live.base = {.rows = end_ - begin_, .dimension = dataset_.base.dimension, .values = {}};
    live.base.values.reserve(live.base.rows * live.base.dimension);
    for (std::size_t entry = begin_; entry < end_; ++entry) {
      const VectorView row = dataset_.base.row(entry % dataset_.base.rows);
      live.base.values.insert(live.base.values.end(), row.begin(), row.end());
    }
    return live;
  }

  static Result<double> RecallOfRebuilt(const Dataset& live, const Truth& truth) {
    const std::unique_ptr<Engine> engine = MakeEngine("nearhit", live, {});
    NEARHIT_RETURN_IF_ERROR(engine->Build(live.base));
    double sum = 0;
    for (std::size_t query = 0; query < live.queries.rows; ++query) {
      SearchStats stats;
      sum += Recall(live, truth, query, kK,
                    engine->Search(live.queries.row(query), {.k = kK}, &stats));
    }
    return sum / static_cast<double>(live.queries.rows);
  }

  Result<double> MeasureRecall(const Dataset& live, const Truth& truth, double* qps) {
    double sum = 0;
    double seconds = 0;
    for (std::size_t query = 0; query < live.queries.rows; ++query) {
      const auto start = SteadyClock::now();
      NEARHIT_ASSIGN_OR_RETURN(const auto hits, store_->Search(live.queries.row(query), {.k = kK}));
      seconds += SecondsSince(start);
      std::vector<std::size_t> rows;
      for (const VectorHit& hit : hits) {
        rows.push_back(std::strtoull(hit.key.c_str(), nullptr, 10) - begin_);
        if (rows.back() >= live.base.rows) {
          return Internal("entry " + hit.key + " was deleted and is found");
        }
      }
      sum += Recall(live, truth, query, kK, rows);
    }
    *qps = static_cast<double>(live.queries.rows) / seconds;
    return sum / static_cast<double>(live.queries.rows);
  }

  const MixedFlags flags_;
  const Dataset dataset_;
  std::unique_ptr<ScratchDatabase> scratch_;
  std::shared_ptr<VectorStore> store_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  double fresh_recall_ = 0;
  std::size_t fresh_resident_ = 0;
};

}  // namespace

Status RunTurnovers(const MixedFlags& flags) {
  NEARHIT_ASSIGN_OR_RETURN(Dataset dataset, LoadDataset(flags.dataset));
  if (dataset.base.rows < flags.budget) {
    return InvalidArgument("--budget is over the rows of the base: entries would repeat");
  }
  Turnovers turnovers(flags, std::move(dataset));
  NEARHIT_RETURN_IF_ERROR(turnovers.Open());
  for (std::size_t turnover = 0; turnover <= flags.turnovers; ++turnover) {
    const auto start = SteadyClock::now();
    NEARHIT_RETURN_IF_ERROR(turnovers.Advance(flags.budget));
    NEARHIT_RETURN_IF_ERROR(turnovers.Report(turnover, SecondsSince(start)));
  }
  return {};
}

}  // namespace nearhit::bench
