// The vector store of one namespace: upserts, searches, deletes, TTL and budget over a collection.
// All entries are in one partition, under the user's keys. engine/database gives it out behind
// nearhit::VectorStore. Design: docs/architecture.md.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/collection/collection.h"
#include "engine/collection/stat_counters.h"
#include "nearhit/options.h"
#include "nearhit/result.h"
#include "nearhit/stats.h"
#include "nearhit/vector_store.h"

namespace nearhit {

// Errors are those of nearhit/vector_store.h; on error nothing changed, unless said otherwise.
//
// Thread-safety: thread-safe. Requests have been validated by the caller
// (engine/database/validate.h).
class Vectors {
 public:
  // Both must outlive it.
  Vectors(Collection* collection, const Clock* clock) : collection_(collection), clock_(clock) {}

  // TTL and budget are those of `config`. Upserts of a namespace with a budget take turns.
  Result<std::vector<EntryId>> Upsert(std::span<const UpsertRequest> requests,
                                      const NamespaceConfig& config, bool sync);
  // Deletes the keys that exist; returns their number.
  Result<std::uint64_t> Delete(std::span<const std::string_view> keys, bool sync);

  // A row of hits for each row of `queries`. The result limit holds for all rows together.
  Result<std::vector<std::vector<VectorHit>>> Search(VectorView queries,
                                                     const VectorSearchOptions& options) const;

  Result<VectorEntry> Get(std::string_view key) const;
  Result<VectorEntry> Get(EntryId id) const;
  Result<VectorPage> Scan(EntryId after, std::size_t limit) const;

  // Deletes expired entries and maintains the collection. Ends early, with OK, once `stop` is set.
  Status Maintain(const std::atomic<bool>& stop);
  void AddStats(NamespaceStats* stats) const { counters_.AddTo(stats); }

 private:
  bool IsLive(const StoredEntry& entry) const;
  Status CheckBudget(std::span<const PutRequest> puts, const NamespaceConfig& config) const;
  Result<std::vector<PutResult>> Put(std::span<const PutRequest> puts,
                                     const NamespaceConfig& config, bool sync);
  Result<VectorEntry> ToEntry(const StoredEntry& stored) const;

  // Searching; search.cc. `bytes` counts the hits of the whole call.
  Result<std::vector<VectorHit>> SearchOne(VectorView query, const VectorSearchOptions& options,
                                           std::size_t* bytes) const;
  // `deleted` is set when one of `found` was deleted in the meantime; it is left out.
  Result<std::vector<VectorHit>> ReadHits(std::span<const ScoredEntry> found,
                                          const VectorSearchOptions& options, std::size_t* bytes,
                                          bool* deleted) const;

  static constexpr std::string_view kScope{};  // of all entries

  Collection* const collection_;
  const Clock* const clock_;
  Mutex budget_mu_;  // held from the check of a budget to the end of the write
  mutable StatCounters counters_;
};

}  // namespace nearhit
