#include "bench/workload/mixed.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "bench/workload/commands.h"
#include "bench/workload/latency_histogram.h"
#include "bench/workload/measure.h"
#include "bench/workload/report.h"
#include "bench/workload/scratch.h"

namespace nearhit::bench {

namespace {

constexpr std::size_t kFillBatch = 500;

enum class Bounded : std::uint8_t { kNo, kByWrites };

// A cache over the base, lookups from the queries.
class Phases {
 public:
  Phases(const MixedFlags& flags, Dataset dataset) : flags_(flags), dataset_(std::move(dataset)) {}

  Status Fill() {
    NEARHIT_ASSIGN_OR_RETURN(scratch_, ScratchDatabase::Open(flags_.on_disk));
    NamespaceConfig config;
    config.dimension = static_cast<std::uint32_t>(dataset_.base.dimension);
    config.metric = dataset_.metric;
    config.threshold = flags_.threshold;
    config.guards_off = GuardSet::All();  // vectors are given: texts only count
    NEARHIT_RETURN_IF_ERROR(scratch_->db().CreateNamespace("mixed", config));
    NEARHIT_ASSIGN_OR_RETURN(cache_, scratch_->db().Cache("mixed"));
    for (std::size_t row = 0; row < dataset_.base.rows; row += kFillBatch) {
      NEARHIT_RETURN_IF_ERROR(StoreRows(std::min(kFillBatch, dataset_.base.rows - row)));
    }
    return scratch_->db().RunMaintenance();
  }

  // Looks up for flags_.seconds beside `write`, which one thread calls over and over; empty: none.
  // Ends early when writes have changed a fifth of the entries: figures are those of one size.
  Status Measure(const std::string& phase, Bounded bounded, const std::function<Status()>& write) {
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> writes{0};
    const std::size_t most_writes = dataset_.base.rows / 5;
    Status written;
    const auto enough = [&] {
      return bounded == Bounded::kByWrites && writes.load(std::memory_order_relaxed) >= most_writes;
    };
    std::thread writer([&] {
      while (write && !stop.load(std::memory_order_relaxed) && written.ok() && !enough()) {
        written = write();
        writes.fetch_add(1, std::memory_order_relaxed);
      }
    });
    LatencyHistogram latencies;
    std::size_t hits = 0;
    Status looked_up;
    const auto start = SteadyClock::now();
    do {
      looked_up = LookUp(&latencies, &hits);
    } while (SecondsSince(start) < flags_.seconds && looked_up.ok() && !enough());
    const double seconds = SecondsSince(start);
    stop = true;
    writer.join();
    NEARHIT_RETURN_IF_ERROR(written);
    NEARHIT_RETURN_IF_ERROR(looked_up);
    Report(phase, latencies, hits, static_cast<double>(writes.load()) / seconds, seconds);
    return {};
  }

  Status StoreRows(std::size_t count) {
    std::vector<std::string> slots;
    std::vector<StoreRequest> requests(count);
    slots.reserve(count);
    for (StoreRequest& request : requests) {
      slots.push_back("entry " + std::to_string(next_store_));
      request.prompt = {.scope = "s",
                        .slot = slots.back(),
                        .vector = dataset_.base.row(next_store_ % dataset_.base.rows)};
      request.answer = "answer";
      ++next_store_;
    }
    NEARHIT_ASSIGN_OR_RETURN(const auto results, cache_->StoreBatch(requests));
    for (const StoreResult& result : results) {
      ids_.push_back(result.id);
    }
    return {};
  }

  // Requires: something is left; a phase ends long before.
  Status DeleteOne() {
    NEARHIT_CHECK(next_delete_ < ids_.size());
    return cache_->Delete(ids_[next_delete_++], Durability::kDefault).status();
  }

  Status WriteSnapshots() { return scratch_->db().WriteSnapshots(); }

 private:
  Status LookUp(LatencyHistogram* latencies, std::size_t* hits) {
    const VectorView query = dataset_.queries.row(next_query_++ % dataset_.queries.rows);
    const auto start = SteadyClock::now();
    const auto found = cache_->Lookup({.scope = "s", .slot = "a question", .vector = query}, {});
    const auto elapsed = SteadyClock::now() - start;
    NEARHIT_RETURN_IF_ERROR(found.status());
    latencies->Record(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()));
    *hits += found->kind != HitKind::kMiss ? 1 : 0;
    return {};
  }

  void Report(const std::string& phase, const LatencyHistogram& latencies, std::size_t hits,
              double writes_per_second, double seconds) {
    const auto p99 = static_cast<double>(latencies.Quantile(0.99)) / 1e3;
    if (phase == "alone") {
      p99_alone_ = p99;
    }
    Print({{"phase", phase},
           {"rows", dataset_.base.rows},
           {"threshold", Rounded(static_cast<double>(flags_.threshold))},
           {"storage", flags_.on_disk ? "disk" : "memory"},
           {"qps", Rounded(static_cast<double>(latencies.count()) / seconds)},
           {"hits", hits},
           {"p50_us", Rounded(static_cast<double>(latencies.Quantile(0.5)) / 1e3)},
           {"p99_us", Rounded(p99)},
           {"p999_us", Rounded(static_cast<double>(latencies.Quantile(0.999)) / 1e3)},
           {"max_us", Rounded(static_cast<double>(latencies.max_nanos()) / 1e3)},
           {"writes_per_s", Rounded(writes_per_second)},
           {"p99_ratio", Rounded(p99_alone_ > 0 ? p99 / p99_alone_ : 0)}});
  }

  const MixedFlags flags_;
  const Dataset dataset_;
  std::unique_ptr<ScratchDatabase> scratch_;
  std::shared_ptr<SemanticCache> cache_;
  std::vector<EntryId> ids_;
  std::size_t next_store_ = 0;
  std::size_t next_delete_ = 0;
  std::size_t next_query_ = 0;
  double p99_alone_ = 0;
};

}  // namespace

Status RunPhases(const MixedFlags& flags) {
  NEARHIT_ASSIGN_OR_RETURN(Dataset dataset, LoadDataset(flags.dataset));
  Phases phases(flags, std::move(dataset));
  NEARHIT_RETURN_IF_ERROR(phases.Fill());
  Remark("filled");
  NEARHIT_RETURN_IF_ERROR(phases.Measure("alone", Bounded::kNo, nullptr));
  // A core that another thread uses is slower for everybody: the floor of the phases below.
  std::atomic<std::uint64_t> spins{0};
  NEARHIT_RETURN_IF_ERROR(phases.Measure("beside_spin", Bounded::kNo, [&spins] {
    for (int i = 0; i < 100'000; ++i) {
      spins.fetch_add(1, std::memory_order_relaxed);
    }
    return Status();
  }));
  NEARHIT_RETURN_IF_ERROR(
      phases.Measure("beside_inserts", Bounded::kByWrites, [&] { return phases.StoreRows(1); }));
  NEARHIT_RETURN_IF_ERROR(
      phases.Measure("beside_deletes", Bounded::kByWrites, [&] { return phases.DeleteOne(); }));
  if (!flags.on_disk) {
    return {};
  }
  return phases.Measure("beside_snapshots", Bounded::kNo, [&] { return phases.WriteSnapshots(); });
}

void AddMixed(CLI::App* app, Command* command) {
  auto flags = std::make_shared<MixedFlags>();
  CLI::App* mixed = app->add_subcommand(
      "mixed",
      "Lookups beside inserts, deletes and, with --disk, snapshots; with --turnovers, an index "
      "that is replaced");
  flags->dataset.AddTo(mixed);
  mixed->add_flag("--disk", flags->on_disk, "Keep the database in a temporary directory");
  mixed->add_option("--threshold", flags->threshold, "Of the namespace")->capture_default_str();
  mixed->add_option("--seconds", flags->seconds, "Of each phase")
      ->check(CLI::Range(0.01, 3'600.0))
      ->capture_default_str();
  mixed->add_option("--turnovers", flags->turnovers, "Replace a full budget so many times");
  mixed->add_option("--budget", flags->budget, "Entries, for --turnovers")
      ->check(CLI::Range(100, 100'000'000))
      ->capture_default_str();
  mixed->callback([=] {
    command->run = [=] { return flags->turnovers > 0 ? RunTurnovers(*flags) : RunPhases(*flags); };
  });
}

}  // namespace nearhit::bench
