// From ids to the slots that hold them, in 4 bytes a place: the ids themselves are in the slots.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/hash.h"

namespace nearhit {

// Open addressing with linear probing; taking one out moves the ones behind it up, so that nothing
// is left that lookups must pass over. Each call is given `id_of(slot)`, the id that a slot holds.
// Ids are numbers, or hashes of something longer.
//
// Thread-safety: externally synchronized; const methods may run together.
class SlotMap {
 public:
  static constexpr std::uint32_t kNone = 0xffffffffU;

  template <typename IdOf>
  using Id = std::decay_t<std::invoke_result_t<IdOf, std::uint32_t>>;

  std::size_t size() const { return size_; }

  // The slot that holds `id`, or kNone.
  template <typename IdOf>
  std::uint32_t Find(const Id<IdOf>& id, IdOf&& id_of) const {
    return places_.empty() ? kNone : places_[PlaceOf(id, id_of)];
  }

  // Room for so many, without moving anything on the way. Requires: it is empty.
  void Reserve(std::size_t slots) {
    NEARHIT_CHECK(size_ == 0);
    places_.assign(std::bit_ceil(slots + slots / 4 + 8), kNone);
  }

  // Requires: `id` is not there.
  template <typename IdOf>
  void Insert(const Id<IdOf>& id, std::uint32_t slot, IdOf&& id_of) {
    if ((size_ + 1) * 5 > places_.size() * 4) {
      Rehash(std::max<std::size_t>(8, places_.size() * 2), id_of);
    }
    std::uint32_t& place = places_[PlaceOf(id, id_of)];
    NEARHIT_CHECK(place == kNone);
    place = slot;
    ++size_;
  }

  // `id`, which is there, is in another slot now. Requires: id_of(its old slot) is still `id`.
  template <typename IdOf>
  void Move(const Id<IdOf>& id, std::uint32_t slot, IdOf&& id_of) {
    std::uint32_t& place = places_[PlaceOf(id, id_of)];
    NEARHIT_CHECK(place != kNone);
    place = slot;
  }

  // Requires: `id` is there, and id_of still knows the ids of all slots.
  template <typename IdOf>
  void Erase(const Id<IdOf>& id, IdOf&& id_of) {
    std::size_t hole = PlaceOf(id, id_of);
    NEARHIT_CHECK(places_[hole] != kNone);
    const std::size_t mask = places_.size() - 1;
    for (std::size_t at = (hole + 1) & mask; places_[at] != kNone; at = (at + 1) & mask) {
      // One may move into the hole when its first place is not behind it.
      const std::size_t first = Hash(id_of(places_[at])) & mask;
      if (((at - first) & mask) >= ((at - hole) & mask)) {
        places_[hole] = places_[at];
        hole = at;
      }
    }
    places_[hole] = kNone;
    --size_;
    if (places_.size() > 8 && size_ * 8 < places_.size()) {
      // Ids of erased slots are not asked for: their places are free.
      Rehash(places_.size() / 2, id_of);
    }
  }

  // Calls use(slot) for each, in no order.
  template <typename Use>
  void ForEach(Use&& use) const {
    for (const std::uint32_t slot : places_) {
      if (slot != kNone) {
        use(slot);
      }
    }
  }

  void Clear() {
    places_.clear();
    size_ = 0;
  }

  std::size_t memory_bytes() const { return places_.capacity() * sizeof(std::uint32_t); }

 private:
  // Ids count up: neighbours must not crowd together. The finalizer of MurmurHash3.
  static std::size_t Hash(std::uint64_t id) {
    id = (id ^ (id >> 33U)) * 0xff51afd7ed558ccdULL;
    id = (id ^ (id >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
    return id ^ (id >> 33U);
  }
  static std::size_t Hash(const Hash128& id) { return id.low; }

  // Where `id` is, or the free place where it would go.
  template <typename IdOf>
  std::size_t PlaceOf(const Id<IdOf>& id, IdOf&& id_of) const {
    const std::size_t mask = places_.size() - 1;
    std::size_t at = Hash(id) & mask;
    while (places_[at] != kNone && id_of(places_[at]) != id) {
      at = (at + 1) & mask;
    }
    return at;
  }

  template <typename IdOf>
  void Rehash(std::size_t places, IdOf&& id_of) {
    std::vector<std::uint32_t> old(places, kNone);
    old.swap(places_);
    for (const std::uint32_t slot : old) {
      if (slot != kNone) {
        places_[PlaceOf(id_of(slot), id_of)] = slot;
      }
    }
  }

  std::size_t size_ = 0;
  std::vector<std::uint32_t> places_;  // a power of two of them, or none; at most 4/5 in use
};

}  // namespace nearhit
