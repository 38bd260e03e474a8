// Rows that are read again and again, as they are, for CachedStore (cached_store.h): in front of
// storage, whose own caches keep blocks and take a microsecond to find a row in one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tsl/robin_map.h>

#include "base/mutex.h"
#include "engine/storage/kv_store.h"

namespace nearhit {

// Rows come when they are read for the second time within about as many reads as there is room for
// rows (after the doorkeeper of Einziger, Friedman and Manes, "TinyLFU: A Highly Efficient Cache
// Admission Policy", 2017): copying each row that is read once costs more than finding it in
// storage. They leave by CLOCK (Corbato, "A Paging Experiment with the Multics System", 1968): a
// hand goes round and takes the first one that was not found since it came by.
//
// Never older than storage, if readers and writers keep to the protocol of cached_store.h.
//
// Thread-safety: thread-safe; a mutex of a few rows, held for one look-up and the copy of a row.
class HotRows {
 public:
  using Ticket = std::uint64_t;
  // Larger ones cost more to copy than to find.
  static constexpr std::size_t kMaxRowBytes = 8'192;

  // Keeps about so many bytes; nothing when they are too few.
  explicit HotRows(std::size_t max_bytes);
  ~HotRows() = default;
  HotRows(const HotRows&) = delete;
  HotRows& operator=(const HotRows&) = delete;

  // Fills `row` and returns true, or fills `ticket`. No key is empty.
  bool Find(Family family, std::string_view key, std::string* row, Ticket* ticket);
  // For a row that was read after Find gave `ticket`. Keeps it if it was offered not long ago,
  // unless one was erased near it meanwhile.
  void Offer(Ticket ticket, Family family, std::string_view key, std::string_view row);
  void Erase(Family family, std::string_view key);
  // All whose key starts with `prefix`. Cost: O(rows).
  void ErasePrefix(std::string_view prefix);

  std::size_t size() const;
  // Of rows, keys and what finds them.
  std::size_t memory_bytes() const;

 private:
  struct Slot {
    Family family{};
    bool found = false;  // since the hand came by
    std::string key;     // empty: a free slot
    std::string row;
  };
  struct Shard {
    mutable Mutex mu;
    tsl::robin_map<std::uint64_t, std::uint32_t> by_hash NEARHIT_GUARDED_BY(mu);
    std::vector<Slot> slots NEARHIT_GUARDED_BY(mu);
    std::vector<std::uint32_t> free NEARHIT_GUARDED_BY(mu);
    std::size_t hand NEARHIT_GUARDED_BY(mu) = 0;
    std::size_t bytes NEARHIT_GUARDED_BY(mu) = 0;
    Ticket erased NEARHIT_GUARDED_BY(mu) = 0;  // calls of Erase and ErasePrefix
    // By some bits of a row's hash other ones, of the row that was offered last.
    std::vector<std::uint16_t> offered NEARHIT_GUARDED_BY(mu);
  };
  static constexpr std::size_t kShards = 64;
  // What is counted for a row beside its bytes: the slot and its place in the table.
  static constexpr std::size_t kOverheadBytes = sizeof(Slot) + 32;
  // Offers are remembered for about as many rows of this size as there is room for.
  static constexpr std::size_t kUsualBytes = 1'024;

  static std::uint64_t HashOf(Family family, std::string_view key);
  Shard& ShardOf(std::uint64_t hash) { return shards_[hash >> 58U]; }
  static std::size_t BytesOf(const Slot& slot) { return slot.row.size() + kOverheadBytes; }
  // Whether the row was offered not long ago; it is now.
  static bool OfferedAgain(Shard* shard, std::uint64_t hash);
  static void Release(Shard* shard, std::uint64_t hash, std::uint32_t at)
      NEARHIT_REQUIRES(shard->mu);
  static void Evict(Shard* shard) NEARHIT_REQUIRES(shard->mu);

  const std::size_t max_shard_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace nearhit
