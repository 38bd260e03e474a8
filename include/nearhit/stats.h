// Metrics of a namespace and of a database, read at one moment; each is exact, the set is not a
// snapshot.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "nearhit/guard.h"
#include "nearhit/options.h"

namespace nearhit {

struct NamespaceStats {
  std::uint64_t entries = 0;           // live entries, expired but not yet reclaimed ones included
  std::uint64_t bytes = 0;             // as NamespaceConfig::max_bytes counts them
  std::uint64_t partitions = 0;        // distinct scopes with entries
  std::uint64_t index_bytes = 0;       // memory of the vector index
  std::uint64_t graph_partitions = 0;  // partitions held as a graph; the others are scanned flat

  // Entries whose vector was missing or damaged when the database was opened: the exact tier serves
  // them, searches do not find them.
  std::uint64_t damaged_entries = 0;

  // Entries of a namespace with vectors that have none, now: the exact tier serves them, searches
  // do not find them. Maintenance makes vectors for those whose embedder failed.
  std::uint64_t entries_without_vector = 0;

  // Since the database was opened. Of a vectors namespace only `read_errors`.
  std::uint64_t exact_hits = 0;
  std::uint64_t semantic_hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t stores = 0;
  std::uint64_t deletes = 0;  // by id and by invalidation
  std::uint64_t evictions = 0;
  std::uint64_t expirations = 0;     // entries reclaimed after their TTL
  std::uint64_t embed_failures = 0;  // lookups and stores that went on without a vector
  std::uint64_t texts_not_read = 0;  // the same, because the embedder could not read the text whole
  std::uint64_t read_errors = 0;     // unreadable entries: a cache's misses, a search's left out

  // Misses because a guard refused what was near, by Guard.
  std::array<std::uint64_t, kGuardNames.size()> guard_refusals{};

  // Since the embedder was made: EmbedderStats. Namespaces that share a local model share these.
  std::uint64_t embedder_memo_hits = 0;
  std::uint64_t embedder_memo_misses = 0;
};

// The list of these metrics, for whatever shows all of them. `name` is that of the field of
// nearhit.v1.NamespaceStats and of the key in JSON; Prometheus has nearhit_<name>, and _total
// behind it for a counter.
enum class MetricKind : std::uint8_t {
  kGauge,    // as it is now
  kCounter,  // grows until the daemon stops
};
struct NamespaceMetric {
  std::string_view name;
  std::uint64_t NamespaceStats::*value;
  MetricKind kind = MetricKind::kCounter;
};
inline constexpr NamespaceMetric kNamespaceMetrics[] = {
    {"entries", &NamespaceStats::entries, MetricKind::kGauge},
    {"bytes", &NamespaceStats::bytes, MetricKind::kGauge},
    {"partitions", &NamespaceStats::partitions, MetricKind::kGauge},
    {"index_bytes", &NamespaceStats::index_bytes, MetricKind::kGauge},
    {"graph_partitions", &NamespaceStats::graph_partitions, MetricKind::kGauge},
    {"damaged_entries", &NamespaceStats::damaged_entries, MetricKind::kGauge},
    {"entries_without_vector", &NamespaceStats::entries_without_vector, MetricKind::kGauge},
    {"exact_hits", &NamespaceStats::exact_hits},
    {"semantic_hits", &NamespaceStats::semantic_hits},
    {"misses", &NamespaceStats::misses},
    {"stores", &NamespaceStats::stores},
    {"deletes", &NamespaceStats::deletes},
    {"evictions", &NamespaceStats::evictions},
    {"expirations", &NamespaceStats::expirations},
    {"embed_failures", &NamespaceStats::embed_failures},
    {"texts_not_read", &NamespaceStats::texts_not_read},
    {"read_errors", &NamespaceStats::read_errors},
    {"embedder_memo_hits", &NamespaceStats::embedder_memo_hits},
    {"embedder_memo_misses", &NamespaceStats::embedder_memo_misses},
};
static_assert(sizeof(NamespaceStats) ==
                  sizeof(std::uint64_t) * (std::size(kNamespaceMetrics) + kGuardNames.size()),
              "a metric is not in the list");

// A change of the embedder that is under way (NamespaceUpdate::reembed).
struct ReembeddingInfo {
  std::string identity{};  // of the embedder that is to come
  // Entries that have their new vector, of those that are stored. `done` is 0 while the work has
  // not begun, also for a moment after the database was opened.
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  // The error of the last try, which will be repeated; empty while the work proceeds.
  std::string last_error{};
};

struct NamespaceInfo {
  std::string name{};
  NamespaceConfig config{};
  std::string embedder_identity{};
  std::int64_t created_us = 0;
  NamespaceStats stats{};
  // Nothing when none is under way: its end shows in `embedder_identity`.
  std::optional<ReembeddingInfo> reembedding{};
};

// What Database::Backup has made.
struct BackupInfo {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // of all files, those that are shared with the database included
  double seconds = 0;
};

struct DatabaseStats {
  std::uint64_t namespaces = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t disk_bytes = 0;

  std::uint64_t last_sequence = 0;  // of storage, now
  // What recovery found when the database was opened.
  std::uint64_t lost_sequences = 0;  // > 0: storage came back older than the high-water mark
  double open_seconds = 0;
  std::uint64_t entries_from_snapshots = 0;  // index entries that needed no rebuild
};

}  // namespace nearhit
