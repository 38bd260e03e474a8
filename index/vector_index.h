// The seam of the index layer: ids and vectors of one partition, searched by likeness. Knows
// nothing of text, storage or RPC. Implementations: flat_index.h, hnsw_index.h, partition_index.h
// (which moves between the two). Design: docs/architecture.md#index.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "nearhit/result.h"
#include "nearhit/types.h"

namespace nearhit {

// What the index compares with. Stored in snapshots; do not renumber.
//   kDot     the inner product
//   kL2      minus the squared distance
//   kCosine  the inner product of vectors that the caller has normalised; what rounding left of
//            their lengths is divided out of exact scores, which are never above 1
enum class IndexMetric : std::uint8_t { kDot = 0, kL2 = 1, kCosine = 2 };

// How vectors are kept in memory. Stored in snapshots; do not renumber.
//   kFloat32  exact scores, 4 bytes a component
//   kInt8     symmetric per-vector scale, 1 byte a component; scores are approximate until rescored
enum class Encoding : std::uint8_t { kFloat32 = 0, kInt8 = 1 };

// One result. `score` is the index's own comparable: the dot product, or minus the squared
// distance; larger is nearer under both metrics. distance.h converts to and from what users see.
struct Neighbor {
  EntryId id;
  float score = 0;

  // Best first: higher score, ties by lower id.
  friend bool operator<(const Neighbor& a, const Neighbor& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  }
  friend bool operator==(const Neighbor&, const Neighbor&) = default;
};

// Decides inside the search which ids may be returned. Accepts is called once per candidate, from
// the searching thread, while the index is locked for reading or in a ReadSection (base/epoch.h):
// it must be quick and must not call the index.
class IdFilter {
 public:
  virtual ~IdFilter() = default;
  IdFilter(const IdFilter&) = delete;
  IdFilter& operator=(const IdFilter&) = delete;
  virtual bool Accepts(EntryId id) const = 0;
  // How many ids it accepts, about: the plan of a search follows from it. The largest number: not
  // known, and Ids() is not asked.
  virtual std::uint64_t count() const { return std::numeric_limits<std::uint64_t>::max(); }
  // Those ids, in no order; some may not be in the index.
  virtual std::vector<EntryId> Ids() const { return {}; }

 protected:
  IdFilter() = default;
};

// Full-precision vectors for rescoring, given per search. Called from the searching thread without
// any lock of the index held.
class VectorSource {
 public:
  virtual ~VectorSource() = default;
  VectorSource(const VectorSource&) = delete;
  VectorSource& operator=(const VectorSource&) = delete;
  // Fills `out` (dimension() floats) with the vector stored under `id`. False when there is none
  // (it was deleted meanwhile, or cannot be read now): the candidate is dropped.
  virtual bool Load(EntryId id, std::span<float> out) const = 0;

 protected:
  VectorSource() = default;
};

struct SearchOptions {
  std::size_t k = 1;
  // Candidates that a graph search keeps, >= k; 0: chosen from k and min_score. Flat scans ignore
  // it.
  std::size_t ef = 0;
  // Results with a lower score (Neighbor::score) need not be looked for. Those that turn up are
  // returned all the same when fewer than k are better: a miss can say how near the nearest was.
  // When the error bound alone tells that nothing reaches it, that score stays approximate.
  float min_score = -std::numeric_limits<float>::infinity();
  // Whether any result that reaches min_score will do, as for a cache, and not only the nearest: a
  // walk through a graph ends soon after it has found one.
  bool any_match = false;
  const IdFilter* filter = nullptr;
  // Rescores the best candidates of an approximate encoding; without it their scores stay
  // approximate.
  const VectorSource* source = nullptr;
  // The search gives up once it has passed. It looks at the clock every few thousand comparisons
  // and every few reads of `source`.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  // Without a deadline no clock is read.
  bool IsLate() const {
    return deadline != std::chrono::steady_clock::time_point::max() &&
           std::chrono::steady_clock::now() >= deadline;
  }
};

// What a search cost; added to, never reset.
struct SearchStats {
  SearchPlan plan = SearchPlan::kScan;  // of the last one
  std::uint64_t distances = 0;          // codes compared
  std::uint64_t screened = 0;           // of one bit a component, before that
  std::uint64_t rescored = 0;           // full-precision vectors read
};

// Nearest-neighbour index over vectors of one fixed dimension, under unique ids.
//
// Thread-safety: thread-safe. Searches run together and beside writers; those of a scan wait for
// the copying of an entry. One beside the replacement of an id may return it twice. Writers take
// turns. Vectors: exactly dimension() finite floats, normalised by the caller under cosine. Checked
// with NEARHIT_CHECK on size only: the edge of the engine has validated the rest. Persistence:
// derived from storage; see snapshot.h for a faster start.
class VectorIndex {
 public:
  virtual ~VectorIndex() = default;
  VectorIndex(const VectorIndex&) = delete;
  VectorIndex& operator=(const VectorIndex&) = delete;

  // Adds a vector, replacing the one under the same id. Found by searches that start after it
  // returns. Errors: kResourceExhausted when the index is full (2^31 entries); nothing changed
  // then.
  virtual Status Add(EntryId id, VectorView vector) = 0;

  // Returns whether it was there. Searches that start afterwards never return it.
  virtual bool Erase(EntryId id) = 0;

  virtual bool Contains(EntryId id) const = 0;

  // Up to `k` nearest accepted entries, best first. Fewer when fewer are there (after the filter).
  // A flat index is exact up to its encoding; a graph is approximate, more exact with `ef`.
  // Requires: 1 <= k <= kMaxNeighbors.
  // Errors: kDeadlineExceeded; an index in another process adds its own. `stats` is valid then.
  // Cost: flat O(n); graph O(ef * log n) expected.
  virtual Result<std::vector<Neighbor>> Search(VectorView query, const SearchOptions& options,
                                               SearchStats* stats) const = 0;

  // As Search, among `ids` only (those that are in the index), by comparing each: exact up to the
  // encoding, O(ids). For filters that few entries pass.
  virtual Result<std::vector<Neighbor>> SearchAmong(VectorView query, std::span<const EntryId> ids,
                                                    const SearchOptions& options,
                                                    SearchStats* stats) const = 0;

  // Fills `out` (dimension() floats) with the vector as the index holds it: exact under kFloat32,
  // rounded under kInt8. False when the id is not there.
  virtual bool Reconstruct(EntryId id, std::span<float> out) const = 0;

  // Every id, in no order.
  virtual std::vector<EntryId> Ids() const = 0;

  virtual std::size_t size() const = 0;
  virtual std::size_t dimension() const = 0;
  // Memory of all structures, in bytes.
  virtual std::size_t memory_bytes() const = 0;

 protected:
  VectorIndex() = default;
};

}  // namespace nearhit
