#include "engine/storage/hot_rows.h"

#include <bit>
#include <utility>

#include "base/hash.h"

namespace nearhit {

HotRows::HotRows(std::size_t max_bytes) : max_shard_bytes_(max_bytes / kShards) {
  for (Shard& shard : shards_) {
    MutexLock lock(&shard.mu);
    shard.offered.resize(std::bit_ceil(max_shard_bytes_ / kUsualBytes + 1));
  }
}

// Keys are the engine's own numbers: nobody can choose them to collide.
std::uint64_t HotRows::HashOf(Family family, std::string_view key) {
  return Hash64(key, static_cast<std::uint64_t>(family));
}

bool HotRows::Find(Family family, std::string_view key, std::string* row, Ticket* ticket) {
  const std::uint64_t hash = HashOf(family, key);
  Shard& shard = ShardOf(hash);
  MutexLock lock(&shard.mu);
  const auto place = shard.by_hash.find(hash);
  if (place == shard.by_hash.end()) {
    *ticket = shard.erased;
    return false;
  }
  Slot& slot = shard.slots[place->second];
  if (slot.family != family || slot.key != key) {
    *ticket = shard.erased;
    return false;
  }
  slot.found = true;
  row->assign(slot.row);
  return true;
}

bool HotRows::OfferedAgain(Shard* shard, std::uint64_t hash) {
  MutexLock lock(&shard->mu);
  std::uint16_t& offered = shard->offered[hash & (shard->offered.size() - 1)];
  const auto row = static_cast<std::uint16_t>(hash >> 32U);
  return std::exchange(offered, row) == row;
}

void HotRows::Offer(Ticket ticket, Family family, std::string_view key, std::string_view row) {
  const std::size_t bytes = row.size() + kOverheadBytes;
  const std::uint64_t hash = HashOf(family, key);
  Shard& shard = ShardOf(hash);
  if (row.size() > kMaxRowBytes || bytes > max_shard_bytes_ || !OfferedAgain(&shard, hash)) {
    return;
  }
  // Copied before the lock, so that others wait for a move only.
  Slot slot{.family = family, .key = std::string(key), .row = std::string(row)};
  MutexLock lock(&shard.mu);
  if (shard.erased != ticket || shard.by_hash.contains(hash)) {
    return;
  }
  while (shard.bytes + bytes > max_shard_bytes_) {
    Evict(&shard);
  }
  if (shard.free.empty()) {
    shard.free.push_back(static_cast<std::uint32_t>(shard.slots.size()));
    shard.slots.emplace_back();
  }
  const std::uint32_t at = shard.free.back();
  shard.free.pop_back();
  shard.slots[at] = std::move(slot);
  shard.by_hash[hash] = at;
  shard.bytes += bytes;
}

void HotRows::Erase(Family family, std::string_view key) {
  const std::uint64_t hash = HashOf(family, key);
  Shard& shard = ShardOf(hash);
  MutexLock lock(&shard.mu);
  ++shard.erased;
  if (const auto place = shard.by_hash.find(hash); place != shard.by_hash.end()) {
    Release(&shard, hash, place->second);
  }
}

void HotRows::ErasePrefix(std::string_view prefix) {
  for (Shard& shard : shards_) {
    MutexLock lock(&shard.mu);
    ++shard.erased;
    for (std::uint32_t at = 0; at < shard.slots.size(); ++at) {
      const Slot& slot = shard.slots[at];
      if (!slot.key.empty() && slot.key.starts_with(prefix)) {
        Release(&shard, HashOf(slot.family, slot.key), at);
      }
    }
  }
}

void HotRows::Release(Shard* shard, std::uint64_t hash, std::uint32_t at) {
  shard->bytes -= BytesOf(shard->slots[at]);
  shard->slots[at] = Slot{};
  shard->free.push_back(at);
  shard->by_hash.erase(hash);
}

// Requires: there is a row.
void HotRows::Evict(Shard* shard) {
  while (true) {
    shard->hand = (shard->hand + 1) % shard->slots.size();
    Slot& slot = shard->slots[shard->hand];
    if (!slot.key.empty() && !slot.found) {
      Release(shard, HashOf(slot.family, slot.key), static_cast<std::uint32_t>(shard->hand));
      return;
    }
    slot.found = false;
  }
}

std::size_t HotRows::size() const {
  std::size_t rows = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(&shard.mu);
    rows += shard.by_hash.size();
  }
  return rows;
}

std::size_t HotRows::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(&shard.mu);
    bytes += shard.bytes;
  }
  return bytes;
}

}  // namespace nearhit
