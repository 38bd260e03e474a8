#include "engine/collection/collection.h"

#include "engine/collection/collection_loader.h"
#include "engine/collection/entry_batch.h"
#include "engine/collection/index_snapshots.h"
#include "engine/collection/stored_vectors.h"

namespace nearhit {

namespace {
IndexMetric ToIndexMetric(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return IndexMetric::kCosine;
    case Metric::kInnerProduct:
      return IndexMetric::kDot;
    case Metric::kL2:
      return IndexMetric::kL2;
  }
  return IndexMetric::kDot;
}

IndexShape ShapeOf(const CollectionOptions& options) {
  return {.dimension = options.dimension,
          .metric = ToIndexMetric(options.metric),
          .graph_threshold = options.graph_threshold};
}
}  // namespace

Collection::Collection(KvStore* store, const Clock* clock, IdAllocator* ids,
                       const HashSecret& secret, const CollectionOptions& options)
    : state_(store, clock, ids, secret, options, ShapeOf(options)) {
}

Result<std::unique_ptr<Collection>> Collection::Open(KvStore* store, const Clock* clock,
                                                     IdAllocator* ids, const HashSecret& secret,
                                                     const CollectionOptions& options) {
  std::unique_ptr<Collection> collection(new Collection(store, clock, ids, secret, options));
  NEARHIT_RETURN_IF_ERROR(CollectionLoader(&collection->state_).Load());
  return collection;
}

Result<std::vector<ScoredEntry>> Collection::Search(std::string_view scope, VectorView query,
                                                    const CollectionSearch& search) const {
  ScopeRef resolved(scope);
  NEARHIT_RETURN_IF_ERROR(Resolve(&resolved, search.context.mode));
  return Search(resolved, query, search);
}

std::optional<std::uint64_t> Collection::BytesOf(EntryId id) const {
  std::optional<std::uint64_t> bytes;
  state_.table.With(id, [&bytes](const EntryState& state) { bytes = state.bytes; });
  return bytes;
}

Status Collection::WriteSnapshots() const {
  return IndexSnapshots(&state_).Write();
}

Status Collection::Maintain(const std::atomic<bool>* stop) {
  // A dropped number never returns while the database is open, so its row cannot be one that a
  // write is making now.
  EntryBatch dropped(&state_);
  for (const PartitionNumber partition : state_.partitions.DropEmpty()) {
    dropped.ErasePartition(partition);
  }
  if (!dropped.empty()) {
    NEARHIT_RETURN_IF_ERROR(dropped.Write(/*sync=*/false));
  }
  const StoredVectors vectors(state_.store, state_.options.ns, ReadMode::kBlocking);
  for (const PartitionPtr& partition : state_.partitions.All()) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
      break;
    }
    if (partition->index.NeedsMove()) {
      partition->index.Move(&vectors, stop);
    } else {
      partition->index.TuneStep(&vectors, stop);  // of one that was loaded, or has grown
    }
  }
  return Status();
}

// No lock of the directory is held while an index is asked: it may be busy, and whoever waits for
// the lock then keeps lookups out.
CollectionStats Collection::stats() const {
  CollectionStats stats{.size = size(),
                        .without_vector = state_.table.without_vector(),
                        .tags = state_.table.tag_count(),
                        .from_snapshots = state_.from_snapshots,
                        .damaged = state_.damaged};
  for (const PartitionPtr& partition : state_.partitions.All()) {
    ++stats.partitions;
    stats.graph_partitions += partition->index.is_graph() ? 1U : 0U;
    stats.index_bytes += partition->index.memory_bytes();
  }
  return stats;
}

}  // namespace nearhit
