// A hash map that never stops to move all that it holds: whoever waits for an insertion waits for
// some hundred entries to be moved, 30 us, where one table of a million takes a third of a second
// to grow.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <tsl/robin_map.h>

namespace nearhit {

// Linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", 1980) over
// small tables: when they hold kMean entries each, on average, one of them is divided, in turn.
//
// Thread-safety: externally synchronized; const methods may run together.
template <typename Key, typename Value, typename Hash = std::hash<Key>>
class SegmentedMap {
 public:
  static constexpr std::size_t kMean = 128;

  SegmentedMap() { rows_.push_back(std::make_unique<Segment[]>(kRow)); }

  std::size_t size() const { return size_; }

  // Null when there is none. Void once anything is inserted or erased, as the next.
  const Value* Find(const Key& key) const {
    const Segment& segment = At(SegmentOf(key));
    const auto found = segment.find(key);
    return found == segment.end() ? nullptr : &found->second;
  }
  Value* Find(const Key& key) {
    return const_cast<Value*>(static_cast<const SegmentedMap*>(this)->Find(key));
  }
  // The value of `key`; made if there is none.
  Value& operator[](const Key& key) {
    if (Value* const found = Find(key); found != nullptr) {
      return *found;
    }
    if (size_ == kMean * segments_) {
      Divide();
    }
    Value& made = At(SegmentOf(key))[key];
    ++size_;
    return made;
  }
  // Returns whether it was there.
  bool Erase(const Key& key) {
    const bool erased = At(SegmentOf(key)).erase(key) > 0;
    size_ -= erased ? 1 : 0;
    return erased;
  }
  void Clear() { *this = SegmentedMap(); }

  // To visit what a lock is not held for as a whole: what is there all along is met by whoever
  // goes up through the segments, until there are no more; twice, when it is moved meanwhile.
  std::size_t segments() const { return segments_; }
  // Calls visit(key, value) for each of a segment, in no order.
  template <typename Visit>
  void ForEachIn(std::size_t segment, Visit&& visit) const {
    for (const auto& [key, value] : At(segment)) {
      visit(key, value);
    }
  }

 private:
  using Segment = tsl::robin_map<Key, Value, Hash>;
  using Row = std::unique_ptr<Segment[]>;  // of kRow: what has a place keeps it
  static constexpr std::size_t kRow = 16;

  const Segment& At(std::size_t segment) const { return rows_[segment / kRow][segment % kRow]; }
  Segment& At(std::size_t segment) { return rows_[segment / kRow][segment % kRow]; }

  // Segments from the largest power of two that there are on are what those before were divided
  // into: as many bits of the hash as that takes, and one less for those that were not yet.
  std::size_t SegmentOf(const Key& key) const {
    const std::size_t half = std::bit_floor(segments_);
    const std::size_t bits = Mixed(Hash()(key));
    const std::size_t segment = bits & (2 * half - 1);
    return segment < segments_ ? segment : segment - half;
  }
  // Hashes may be numbers that count up, and a segment finds its keys by their low bits.
  static std::uint64_t Mixed(std::uint64_t hash) {
    return (hash * 0x9e3779b97f4a7c15ULL) >> 32U;  // the golden ratio, as Knuth has it
  }

  void Divide() {
    const std::size_t divided = segments_ - std::bit_floor(segments_);
    if (segments_ % kRow == 0) {
      rows_.push_back(std::make_unique<Segment[]>(kRow));
    }
    Segment whole = std::exchange(At(divided), Segment());
    ++segments_;
    At(divided).reserve(whole.size() / 2);
    At(segments_ - 1).reserve(whole.size() / 2);
    for (auto entry = whole.begin(); entry != whole.end(); ++entry) {
      At(SegmentOf(entry.key())).emplace(entry.key(), std::move(entry.value()));
    }
  }

  std::size_t size_ = 0;
  std::size_t segments_ = 1;
  std::vector<Row> rows_;
};

}  // namespace nearhit
