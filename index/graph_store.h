// Memory of an HNSW graph: codes, links and label of a node in one element that begins with a cache
// line or with the half of one, in an hnswlib::HierarchicalNSW. Only access and growth; searching
// is hnsw_search.h, changing it hnsw_index.h. The .cc beside it is the one file that includes
// hnswlib (docs/decisions/0001).
#pragma once

#include <atomic>
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

// The links of a node while the writer may change them. A node that is linked to is complete for
// whoever reads the link.
class LiveLinks {
 public:
  // `list`: how many there are, and they.
  explicit LiveLinks(NodeId* list) : links_(list + 1), size_(Load(list)) {}

  std::size_t size() const { return size_; }
  NodeId operator[](std::size_t i) const { return Load(links_ + i); }

  // Both for one word of a list.
  static NodeId Load(NodeId* word) {
    return std::atomic_ref(*word).load(std::memory_order_acquire);
  }
  static void Store(NodeId* word, NodeId value) {
    std::atomic_ref(*word).store(value, std::memory_order_release);
  }

 private:
  NodeId* const links_;
  const std::size_t size_;
};

// Thread-safety: one writer, and readers beside it in a ReadSection (base/epoch.h): they use
// capacity() and, of nodes that they came to in it, LiveLinksOf, PrefetchLinks, Record, Records and
// Label.
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
  // More than the number of any node that a walk which asked for it comes to.
  std::size_t capacity() const { return capacity_.load(std::memory_order_acquire); }
  // Slots ever used; free ones among them have level -1.
  std::size_t slots() const { return slots_; }
  int LevelOf(NodeId node) const { return levels_[node]; }

  // Aligned to half a cache line.
  std::byte* Record(NodeId node) const { return base() + node * stride_; }
  RecordList Records(std::span<const NodeId> nodes) const {
    return {.records = base(), .stride = stride_, .numbers = nodes};
  }
  EntryId Label(NodeId node) const {
    EntryId id;
    std::memcpy(&id.value, Record(node) + label_offset_, sizeof(id.value));
    return id;
  }
  void SetLabel(NodeId node, EntryId id) {
    std::memcpy(elements_ + node * stride_ + label_offset_, &id.value, sizeof(id.value));
  }
  LiveLinks LiveLinksOf(NodeId node, int level) const { return LiveLinks(LinkList(node, level)); }
  // For the writer.
  std::span<const NodeId> Links(NodeId node, int level) const {
    const NodeId* const list = LinkList(node, level);
    return {list + 1, *list};
  }
  // Begins to fetch what Links() reads.
  void PrefetchLinks(NodeId node, int level) const {
    Prefetch(LinkList(node, level), (1 + MaxLinks(level)) * sizeof(NodeId));
  }
  // How many nodes link to this one at level 0: kept for LinkEditor, not read by searches.
  std::uint32_t InDegree(NodeId node) const {
    std::uint32_t degree = 0;
    std::memcpy(&degree, Record(node) + in_degree_offset_, sizeof(degree));
    return degree;
  }
  void SetInDegree(NodeId node, std::uint32_t degree) {
    std::memcpy(elements_ + node * stride_ + in_degree_offset_, &degree, sizeof(degree));
  }
  static std::size_t MaxLinks(int level) { return level == 0 ? kMaxLinks0 : kM; }

  int RandomLevel();
  // Makes room for `capacity` nodes, no fewer than slots(), and waits for the readers of before.
  void Grow(std::size_t capacity);
  // Takes a slot: `node` is slots() or was released, and no reader comes to it any more. Its lists
  // are empty; nothing links to it yet.
  void Occupy(NodeId node, EntryId label, int level);
  // Gives the slot up. Nothing links to it any more; readers may still be at it, so all but its
  // level stays as it is.
  void Release(NodeId node);
  void SetLinks(NodeId node, int level, std::span<const NodeId> links);

  std::size_t memory_bytes() const;

 private:
  class Holder;  // the hnswlib objects

  std::byte* base() const { return base_.load(std::memory_order_acquire); }
  std::byte** upper() const { return upper_.load(std::memory_order_acquire); }
  NodeId* LinkList(NodeId node, int level) const {
    return reinterpret_cast<NodeId*>(
        level == 0 ? Record(node) + links_offset_
                   : upper()[node] + static_cast<std::size_t>(level - 1) * upper_stride_);
  }

  const Codec codec_;
  std::unique_ptr<Holder> holder_;
  std::size_t slots_ = 0;
  std::size_t upper_bytes_ = 0;  // of nodes, not of free slots

  // Where memory is, renewed by growth, and hnswlib's strides.
  std::atomic<std::size_t> capacity_{0};
  std::atomic<std::byte*> base_{nullptr};
  std::atomic<std::byte**> upper_{nullptr};
  std::byte* elements_ = nullptr;  // base_, for the writer
  int* levels_ = nullptr;
  std::size_t stride_ = 0;
  std::size_t upper_stride_ = 0;
  std::size_t links_offset_ = 0;
  std::size_t label_offset_ = 0;
  std::size_t in_degree_offset_ = 0;
};

}  // namespace nearhit
