#include "index/record_table.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/epoch.h"
#include "base/hash.h"

namespace nearhit {

std::uint32_t HashOf(const EncodedQuery& query) {
  const auto hash = [&query](const auto& values) {
    const auto bytes = std::as_bytes(std::span(values));
    return static_cast<std::uint32_t>(
        Hash64({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
               std::bit_cast<std::uint32_t>(query.scale)));
  };
  return query.codes.empty() ? hash(query.components) : hash(query.codes);
}

RecordTable::Places::Places(std::size_t count)
    : mask(count - 1), at(new std::atomic<std::uint64_t>[count]) {
  for (std::size_t i = 0; i < count; ++i) {
    at[i].store(kFree, std::memory_order_relaxed);
  }
}

void RecordTable::Put(const Places& places, std::uint64_t place) {
  std::size_t at = HashIn(place) & places.mask;
  while (places.at[at].load(std::memory_order_relaxed) < kGone) {
    at = (at + 1) & places.mask;
  }
  places.at[at].store(place, std::memory_order_release);
}

// Twice as large when it is full of nodes, and without those that have gone.
void RecordTable::Rebuild() {
  auto rebuilt = std::make_unique<const Places>(
      std::bit_ceil(std::max<std::size_t>(16, nodes_ + 2 * nodes_ / 3)));
  if (owned_ != nullptr) {
    for (std::size_t i = 0; i <= owned_->mask; ++i) {
      const std::uint64_t place = owned_->at[i].load(std::memory_order_relaxed);
      if (place < kGone) {
        Put(*rebuilt, place);
      }
    }
  }
  used_ = nodes_;
  places_.store(rebuilt.get(), std::memory_order_release);
  std::swap(owned_, rebuilt);
  WaitForReaders();
}

void RecordTable::Insert(std::uint32_t hash, NodeId node) {
  if (owned_ == nullptr || (used_ + 1) * 5 > (owned_->mask + 1) * 4) {
    Rebuild();
  }
  Put(*owned_, std::uint64_t{hash} << 32U | node);
  ++nodes_;
  ++used_;  // or as many as before, where one has gone: the next rebuild comes sooner
}

void RecordTable::Erase(std::uint32_t hash, NodeId node) {
  NEARHIT_CHECK(owned_ != nullptr);
  const std::uint64_t wanted = std::uint64_t{hash} << 32U | node;
  std::size_t at = hash & owned_->mask;
  for (;;) {
    const std::uint64_t place = owned_->at[at].load(std::memory_order_relaxed);
    NEARHIT_CHECK(place != kFree);
    if (place == wanted) {
      break;
    }
    at = (at + 1) & owned_->mask;
  }
  owned_->at[at].store(kGone, std::memory_order_release);
  --nodes_;
}

void RecordTable::Clear() {
  places_.store(nullptr, std::memory_order_release);
  owned_.reset();
  nodes_ = 0;
  used_ = 0;
}

std::size_t RecordTable::memory_bytes() const {
  return owned_ == nullptr ? 0 : (owned_->mask + 1) * sizeof(std::uint64_t);
}

}  // namespace nearhit
