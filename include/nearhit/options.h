// How a database is opened and how a namespace is configured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "nearhit/embedder.h"
#include "nearhit/guard.h"
#include "nearhit/types.h"

namespace nearhit {

// What a namespace holds. Stored on disk; do not renumber.
enum class NamespaceKind : std::uint8_t {
  kCache = 0,    // semantic cache: Lookup and Store by scope and text
  kVectors = 1,  // vector store: Upsert and Search by key
};

enum class LogLevel : std::uint8_t { kInfo, kWarning, kError };

struct DatabaseOptions {
  // --- affects behaviour ---

  // Directory of the database; created when missing. One process at a time.
  std::filesystem::path path{};

  // Keep everything in memory and ignore `path`: for tests and for caches that need no disk.
  bool in_memory = false;

  // Answers and payloads over this are refused. At most 64 MiB.
  std::size_t max_payload_bytes = std::size_t{16} << 20;

  // Lines about recovery, damage and maintenance; never the text of prompts, answers or
  // credentials. Called from any thread, one call at a time. Empty: silent.
  std::function<void(LogLevel, const std::string&)> log{};

  // Wall-clock time in microseconds since 1970, for TTLs and ages; empty: the system's clock.
  // Called from any thread.
  std::function<std::int64_t()> now_us{};

  // Microseconds of a clock that is never set, for idle times; empty: now_us if that is given,
  // otherwise the system's. Called from any thread.
  std::function<std::int64_t()> steady_us{};

  // Run expiry, eviction clean-up, index moves and flushes on a thread of the database, and
  // re-embedding on another. Off: the owner calls Database::RunMaintenance() and Flush() (tests do,
  // to be deterministic).
  bool background_maintenance = true;

  // --- affects performance ---

  // Memory for cached blocks of storage, in bytes.
  std::size_t block_cache_bytes = std::size_t{256} << 20;

  // How often background maintenance runs.
  std::uint32_t maintenance_interval_ms = 1'000;
};

// Configuration of a namespace. `kind`, `dimension` and `metric` are fixed at creation.
inline constexpr float kLeastMaxError = 0.0025F;
inline constexpr float kMostMaxError = 0.1F;

struct NamespaceConfig {
  NamespaceKind kind = NamespaceKind::kCache;

  // Components of every vector, 1..kMaxDimension. 0 with an embedder that has a natural one
  // ("lexical": 384; "http" has none). 0 with "none" is refused for kVectors; for kCache it makes
  // an exact-only cache.
  std::uint32_t dimension = 0;
  Metric metric = Metric::kCosine;
  EmbedderSpec embedder{};

  // Lowest score that counts as a semantic hit (kCache). Callers may only ask for a stricter one.
  // In [-1, 1] for cosine, (0, 1] for l2, any finite number for ip.
  // 0.95 suits sentence embeddings and words alike (docs/right-answers.md).
  float threshold = 0.95F;

  // The share of all requests that may be answered wrongly (kCache, cosine); 0: the threshold
  // decides. Else in [kLeastMaxError, kMostMaxError], and the threshold does not count: the chance
  // that an entry's answer serves is estimated from both prompts, and compared with what the budget
  // allows. Calibrated on questions with all-MiniLM-L6-v2 (docs/right-answers.md).
  float max_error = 0;
  // The guards that do not refuse hits here; none: all of them do (kCache). Where one answer serves
  // all that have the same intent, numbers, places and names often do not matter.
  GuardSet guards_off{};

  // Lifetimes in milliseconds; 0 means none. A store without a TTL gets `default_ttl_ms`; a longer
  // one than `max_ttl_ms` is refused. An entry not read for `idle_ttl_ms` expires as well
  // (kCache; counted anew when the database is opened). `max_ttl_ms` needs a `default_ttl_ms`.
  std::int64_t default_ttl_ms = 0;
  std::int64_t max_ttl_ms = 0;
  std::int64_t idle_ttl_ms = 0;

  // Budget; 0 means unlimited. Bytes count slot, payload, vector, tags, metadata and 128 for each
  // entry. kCache evicts to stay inside; kVectors refuses with kResourceExhausted.
  std::uint64_t max_entries = 0;
  std::uint64_t max_bytes = 0;

  // What a call with Durability::kDefault gets; kDefault here means kAsync.
  Durability durability = Durability::kAsync;

  friend bool operator==(const NamespaceConfig&, const NamespaceConfig&) = default;
};

// A change to a namespace: only what is set changes.
struct NamespaceUpdate {
  std::optional<float> threshold{};
  std::optional<float> max_error{};
  std::optional<GuardSet> guards_off{};
  std::optional<std::int64_t> default_ttl_ms{};
  std::optional<std::int64_t> max_ttl_ms{};
  std::optional<std::int64_t> idle_ttl_ms{};
  std::optional<std::uint64_t> max_entries{};
  std::optional<std::uint64_t> max_bytes{};
  std::optional<Durability> durability{};

  // Another embedder changes what vectors mean. Refused with kFailedPrecondition unless `reembed`
  // is set or the identity stays the same (a new URL or key for the same model).
  //
  // With `reembed` the change is recorded durably and the call returns. In the background every
  // entry is embedded again from its stored text, while lookups and writes use the old vectors.
  // Then the namespace switches at once. Embedder, dimension and a `threshold` of the same update
  // take effect with the switch, all other fields right away. NamespaceInfo::reembedding shows the
  // progress. A restart continues the work. An embedder that fails is tried again, after
  // maintenance_interval_ms at first and after a minute at most. Another update with `reembed`
  // replaces the change; an update to the embedder in use cancels it.
  //
  // With `background_maintenance` off, RunMaintenance() does the work, all of it, and returns when
  // the namespace has switched or the embedder has failed.
  std::optional<EmbedderSpec> embedder{};  // replaces all fields of the one before
  // Only together with `embedder` and `reembed`; 0: the embedder's own, nothing: as it is.
  std::optional<std::uint32_t> dimension{};
  bool reembed = false;
};

}  // namespace nearhit
