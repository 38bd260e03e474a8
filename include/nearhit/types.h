// Vocabulary shared by every layer: ids, vectors, metrics, limits.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace nearhit {

// Identifies one stored entry of a database, for good: ids only grow and are never used again, not
// even when an entry is replaced (the replacement gets a new id). 0 is never an entry.
struct EntryId {
  std::uint64_t value = 0;

  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr auto operator<=>(EntryId, EntryId) = default;
};

// A view of `dimension` finite float32 components, owned by the caller.
using VectorView = std::span<const float>;

// How two vectors are compared. Stored on disk; do not renumber.
//
// A *score* is what users see: larger is more alike.
//   kCosine        cosine of the angle, in [-1, 1]
//   kInnerProduct  dot product, unbounded
//   kL2            1 / (1 + squared Euclidean distance), in (0, 1]
// Vectors longer than 1e18 are refused under kInnerProduct and kL2: their scores could be no
// numbers.
enum class Metric : std::uint8_t { kCosine = 0, kInnerProduct = 1, kL2 = 2 };

// "cosine", "ip" or "l2".
std::string_view MetricName(Metric metric);

// What a search compares, chosen from the index and the share of the entries that its filter lets
// pass.
enum class SearchPlan : std::uint8_t {
  kScan = 0,             // all entries
  kCompareMatching = 1,  // those that pass the filter
  kWalk = 2,             // a walk through the graph
  kFilteredWalk = 3,     // a walk that collects those that pass
  kWalkThenCompare = 4,  // a walk that found too few of them, and then all that may count
};

// How a search went: for callers who ask why it takes long.
struct SearchExplanation {
  SearchPlan plan = SearchPlan::kScan;
  std::uint64_t entries = 0;                // in the index
  std::optional<std::uint64_t> matching{};  // of them, with a filter
  std::uint64_t screened = 0;               // compared by one bit a component
  std::uint64_t compared = 0;               // by their codes
  std::uint64_t rescored = 0;               // in full precision
};

// When a write is acknowledged. Stored on disk; do not renumber.
//   kDefault  what the namespace says (and kAsync for a namespace that says nothing)
//   kAsync    in the write-ahead log of this process' operating system: survives the death of the
//             process at any instant; a power cut may take the last moments before it
//   kSync     on the device: survives a power cut as well
enum class Durability : std::uint8_t { kDefault = 0, kAsync = 1, kSync = 2 };

// Hard limits, checked at the edge with an error that names the field, its size and the limit.
inline constexpr std::size_t kMaxDimension = 8192;
inline constexpr std::size_t kMaxNamespaceNameBytes = 64;
inline constexpr std::size_t kMaxNamespaces = 4096;
inline constexpr std::size_t kMaxScopeBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxSlotBytes = std::size_t{256} << 10;
inline constexpr std::size_t kMaxKeyBytes = std::size_t{256} << 10;
inline constexpr std::size_t kMaxContentTypeBytes = 255;
inline constexpr std::size_t kMaxModelBytes = 255;
inline constexpr std::size_t kMaxTags = 32;
inline constexpr std::size_t kMaxTagBytes = 128;
inline constexpr std::size_t kMaxNeighbors = 10'000;
inline constexpr std::size_t kMaxPageSize = 10'000;
inline constexpr std::size_t kMaxBatch = 10'000;
// A hundred years: far enough, and times in microseconds cannot overflow.
inline constexpr std::int64_t kMaxTtlMs = std::int64_t{100} * 365 * 24 * 3'600 * 1'000;
// Answers, or hits with their keys, tags and payloads, that one call makes; one alone may be
// larger.
inline constexpr std::size_t kMaxResultBytes = std::size_t{64} << 20;

}  // namespace nearhit
