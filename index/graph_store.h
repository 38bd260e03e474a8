// Memory of an HNSW graph: codes, links and label of a node in one element that begins with a cache
// line or with the half of one, in an hnswlib::HierarchicalNSW. Only access and growth; searching
// is hnsw_search.h, changing it hnsw_index.h. The .cc beside it is the one file that includes
// hnswlib (docs/decisions/0001).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "base/prefetch.h"
#include "index/codec.h"
#include "nearhit/types.h"

namespace nearhit {

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = 0xffffffffU;

// Thread-safety: externally synchronized.
class GraphStore {
 public:
  static constexpr NodeId kMaxNodes = NodeId{1} << 31;  // walks use the bit above
  static constexpr std::size_t kM = 16;  // links a node chooses, and bound above level 0
  static constexpr std::size_t kMaxLinks0 = 2 * kM;    // bound at level 0
  static constexpr std::size_t kEfConstruction = 200;  // candidates kept while linking

  GraphStore(const Codec& codec, std::size_t capacity, std::uint64_t seed);
  ~GraphStore();
  GraphStore(const GraphStore&) = delete;
  GraphStore& operator=(const GraphStore&) = delete;

  const Codec& codec() const { return codec_; }
  std::size_t capacity() const { return capacity_; }
  // Slots ever used; free ones among them have level -1.
  std::size_t slots() const { return slots_; }
  int LevelOf(NodeId node) const { return levels_[node]; }

  // Aligned to half a cache line.
  std::byte* Record(NodeId node) const { return base_ + node * stride_; }
  RecordList Records(std::span<const NodeId> nodes) const {
    return {.records = base_, .stride = stride_, .numbers = nodes};
  }
  EntryId Label(NodeId node) const {
    EntryId id;
    std::memcpy(&id.value, base_ + node * stride_ + label_offset_, sizeof(id.value));
    return id;
  }
  void SetLabel(NodeId node, EntryId id) {
    std::memcpy(base_ + node * stride_ + label_offset_, &id.value, sizeof(id.value));
  }
  std::span<const NodeId> Links(NodeId node, int level) const {
    const std::byte* list = LinkList(node, level);
    std::uint16_t count = 0;
    std::memcpy(&count, list, sizeof(count));
    return {reinterpret_cast<const NodeId*>(list + sizeof(NodeId)), count};
  }
  // Begins to fetch what Links() reads.
  void PrefetchLinks(NodeId node, int level) const {
    Prefetch(LinkList(node, level), (1 + MaxLinks(level)) * sizeof(NodeId));
  }
  // How many nodes link to this one at level 0: kept for LinkEditor, not read by searches.
  std::uint32_t InDegree(NodeId node) const {
    std::uint32_t degree = 0;
    std::memcpy(&degree, base_ + node * stride_ + in_degree_offset_, sizeof(degree));
    return degree;
  }
  void SetInDegree(NodeId node, std::uint32_t degree) {
    std::memcpy(base_ + node * stride_ + in_degree_offset_, &degree, sizeof(degree));
  }
  static std::size_t MaxLinks(int level) { return level == 0 ? kMaxLinks0 : kM; }

  int RandomLevel();
  // Makes room for `capacity` nodes. The memory moves: no search may run.
  void Grow(std::size_t capacity);
  // Takes a slot: `node` is a free one or slots(). Its lists are empty; nothing links to it yet, so
  // searches that run do not see it.
  void Occupy(NodeId node, EntryId label, int level);
  // Gives the slot up; nothing may link to it any more and no search may run.
  void Release(NodeId node);
  void SetLinks(NodeId node, int level, std::span<const NodeId> links);

  std::size_t memory_bytes() const;

 private:
  class Holder;  // the hnswlib objects

  std::byte* LinkList(NodeId node, int level) const {
    return level == 0 ? base_ + node * stride_ + links_offset_
                      : upper_[node] + static_cast<std::size_t>(level - 1) * upper_stride_;
  }
  void Refresh();

  const Codec codec_;
  std::unique_ptr<Holder> holder_;
  std::size_t capacity_;
  std::size_t slots_ = 0;
  std::size_t upper_bytes_ = 0;

  // Copies of hnswlib's pointers and strides, renewed after growth.
  std::byte* base_ = nullptr;
  std::byte** upper_ = nullptr;
  int* levels_ = nullptr;
  std::size_t stride_ = 0;
  std::size_t upper_stride_ = 0;
  std::size_t links_offset_ = 0;
  std::size_t label_offset_ = 0;
  std::size_t in_degree_offset_ = 0;
};

}  // namespace nearhit
