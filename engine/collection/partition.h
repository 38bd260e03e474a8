// One (namespace, scope): the entries that a lookup can see, and their vector index.
//
// There may be 100,000 of them with a few entries each, so a partition is one allocation: 104 bytes
// with its index, and the text of the scope behind them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "engine/storage/keys.h"
#include "index/partition_index.h"

namespace nearhit {

// Scopes up to this size stay in memory; longer ones are compared with their stored copy.
inline constexpr std::size_t kScopeBytesInMemory = 1024;

// What the indexes of all partitions of a namespace have in common.
struct IndexShape {
  std::size_t dimension = 0;  // 0: a namespace without vectors, whose indexes stay empty
  IndexMetric metric = IndexMetric::kDot;
  Encoding encoding = Encoding::kInt8;
  std::size_t graph_threshold = PartitionIndex::kGraphThreshold;
};

// Thread-safety: the counters and the index synchronize themselves; the rest is constant.
class Partition {
 public:
  ~Partition() = default;
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  // Whether the scope was too long to be kept.
  bool scope_is_long() const { return text_bytes_ > kScopeBytesInMemory; }
  // Empty when scope_is_long().
  std::string_view scope_text() const {
    return {reinterpret_cast<const char*>(this + 1),
            scope_is_long() ? std::size_t{0} : text_bytes_};
  }

  const PartitionNumber number;
  const Hash128 scope_hash;

  // Live entries plus writes on their way: a partition with 0 can be dropped.
  std::atomic<std::int64_t> in_use{0};

  PartitionIndex index;

  // Its row is in storage: set after the first write that carried it.
  std::atomic<bool> stored{false};

 private:
  friend class PartitionPtr;

  Partition(PartitionNumber partition_number, const Hash128& hash, std::string_view scope,
            const IndexShape& shape)
      : number(partition_number),
        scope_hash(hash),
        index(shape.dimension, shape.metric, shape.encoding, shape.graph_threshold),
        text_bytes_(static_cast<std::uint16_t>(std::min(scope.size(), kScopeBytesInMemory + 1))) {
    std::copy_n(scope.begin(), scope_text().size(), reinterpret_cast<char*>(this + 1));
  }

  // With room for the text of the scope.
  static void* operator new(std::size_t bytes, std::string_view scope) {
    return ::operator new(bytes + (scope.size() > kScopeBytesInMemory ? 0 : scope.size()));
  }
  static void operator delete(void* memory) { ::operator delete(memory); }
  static void operator delete(void* memory, std::string_view) { ::operator delete(memory); }

  const std::uint16_t text_bytes_;  // of the scope; one more than are kept: more than that
  std::atomic<std::uint32_t> references_{0};  // PartitionPtrs
};

// Shared ownership of a partition, which counts itself: 12 bytes instead of a std::shared_ptr's 32.
//
// Thread-safety: as a std::shared_ptr.
class PartitionPtr {
 public:
  static PartitionPtr Make(PartitionNumber number, const Hash128& scope_hash,
                           std::string_view scope, const IndexShape& shape) {
    return PartitionPtr(new (scope) Partition(number, scope_hash, scope, shape));
  }

  PartitionPtr() = default;
  ~PartitionPtr() { Release(); }
  PartitionPtr(const PartitionPtr& other) : partition_(other.partition_) { Add(); }
  PartitionPtr(PartitionPtr&& other) noexcept
      : partition_(std::exchange(other.partition_, nullptr)) {}
  PartitionPtr& operator=(const PartitionPtr& other) { return *this = PartitionPtr(other); }
  PartitionPtr& operator=(PartitionPtr&& other) noexcept {
    std::swap(partition_, other.partition_);
    return *this;
  }

  Partition* get() const { return partition_; }
  Partition& operator*() const { return *partition_; }
  Partition* operator->() const { return partition_; }
  friend bool operator==(const PartitionPtr&, const PartitionPtr&) = default;
  friend bool operator==(const PartitionPtr& pointer, std::nullptr_t) {
    return pointer.partition_ == nullptr;
  }

 private:
  explicit PartitionPtr(Partition* partition) : partition_(partition) { Add(); }

  void Add() {
    if (partition_ != nullptr) {
      partition_->references_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void Release() {
    if (partition_ != nullptr &&
        partition_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete partition_;
    }
  }

  Partition* partition_ = nullptr;
};

}  // namespace nearhit
