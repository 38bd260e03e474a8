// What callers of a collection give to it and get from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/collection/read_context.h"
#include "engine/storage/keys.h"
#include "engine/storage/record.h"
#include "index/partition_index.h"
#include "nearhit/types.h"
#include "nearhit/vector_store.h"

namespace nearhit {

// So often does a read begin again because what it had found was deleted in the meantime: another
// entry may have taken its place.
inline constexpr int kMostRepeats = 16;

struct CollectionOptions {
  NamespaceNumber ns = 0;
  NamespaceNumber key_number = 0;  // with which keys are hashed; 0: ns
  std::uint32_t dimension = 0;     // 0: no vectors
  Metric metric = Metric::kCosine;
  std::filesystem::path snapshot_dir{};  // empty: no snapshots
  // Entries of a partition from which it has a graph; see PartitionIndex.
  std::size_t graph_threshold = PartitionIndex::kGraphThreshold;
};

// One entry to put. Views must outlive the call; the caller has validated every field.
struct PutRequest {
  std::string_view scope{};
  std::string_view key{};
  VectorView vector{};  // empty, or `dimension` floats, normalised under cosine
  std::string_view payload{};
  std::string_view content_type{};
  std::string_view model{};
  std::uint32_t prompt_tokens = 0;
  std::uint32_t answer_tokens = 0;
  double cost = 0;
  std::span<const std::string> tags{};
  std::int64_t expires_us = 0;   // 0: never
  bool unreadable_text = false;  // without a vector, and the embedder has none for it
  // Copying an entry from another collection keeps these two.
  EntryId id{};                 // 0: a fresh one
  std::int64_t created_us = 0;  // 0: now
};

struct PutResult {
  EntryId id{};
  EntryId replaced{};  // 0: the key was new
  std::uint64_t bytes = 0;
};

// A payload record together with the bytes that its views point into. Movable: the bytes live on
// the heap.
struct StoredEntry {
  EntryId id{};
  std::unique_ptr<std::string> bytes{};
  PayloadRecord record{};
};

struct ScoredEntry {
  EntryId id{};
  float score = 0;  // as users see it, in full precision
};

struct CollectionSearch {
  std::size_t k = 1;
  std::size_t ef = 0;
  std::optional<float> min_score{};   // user score; see SearchOptions::min_score
  bool any_match = false;             // see SearchOptions::any_match
  const TagFilter* filter = nullptr;  // may be null
  bool* damaged = nullptr;            // set to whether one of them was; null: nobody asks
  ReadContext context{};
};

struct CollectionSize {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

struct CollectionStats {
  CollectionSize size{};
  std::uint64_t without_vector = 0;  // entries
  std::uint64_t tags = 0;            // different ones
  std::uint64_t partitions = 0;
  std::uint64_t graph_partitions = 0;
  std::uint64_t index_bytes = 0;
  // Of the start: index entries that needed no rebuild, and entries whose vector could not be read,
  // which are found by their key only.
  std::uint64_t from_snapshots = 0;
  std::uint64_t damaged = 0;
};

// Which entries are meant; a condition that is absent holds for all of them.
struct EntrySelection {
  std::optional<std::string_view> scope{};
  std::span<const std::string> tags{};  // each of them
  std::optional<std::int64_t> created_before_us{};
};

// A vector for an entry that was put without one; empty: the embedder has none for its text.
struct VectorAddition {
  EntryId id{};
  VectorView vector{};  // as in PutRequest
};

// What an entry counts in a budget.
std::uint64_t BudgetBytes(const PutRequest& request);

}  // namespace nearhit
