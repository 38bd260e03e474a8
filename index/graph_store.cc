#include "index/graph_store.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>  // hnswlib 0.6.2 uses these three without including them
#include <iostream>
#include <new>
#include <unordered_map>
#include <utility>

#include <hnswlib/hnswlib.h>

#include "base/check.h"
#include "base/epoch.h"
#include "base/round_up.h"
#include "index/paged_memory.h"

namespace nearhit {

namespace {

// hnswlib's view of a vector: our record. Its own searches are not used, but its interface asks for
// a distance, so it gets the true one.
class RecordSpace final : public hnswlib::SpaceInterface<float> {
 public:
  explicit RecordSpace(const Codec* codec) : codec_(codec) {}
  std::size_t get_data_size() override { return codec_->record_bytes(); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return Distance; }
  void* get_dist_func_param() override { return const_cast<Codec*>(codec_); }

 private:
  static float Distance(const void* a, const void* b, const void* codec) {
    const auto* self = static_cast<const Codec*>(codec);
    return -self->Score(self->QueryOf(static_cast<const std::byte*>(a)),
                        static_cast<const std::byte*>(b));
  }
  const Codec* const codec_;
};

// Elements of half a line more: as many lines are read of a record of 384 codes as when it begins
// with a line, and a twentieth of the memory is saved.
constexpr std::size_t kAlignment = 32;

// Waits for readers when it goes.
class WaitAtEnd {
 public:
  explicit WaitAtEnd(bool needed) : needed_(needed) {}
  ~WaitAtEnd() {
    if (needed_) {
      WaitForReaders();
    }
  }
  WaitAtEnd(const WaitAtEnd&) = delete;
  WaitAtEnd& operator=(const WaitAtEnd&) = delete;

 private:
  const bool needed_;
};

// Empty memory with room for `bytes`. Much of it gets address space for sixteen times as much, or
// what there is: that costs nothing, and saves copies.
PagedMemory WithReserve(std::size_t bytes) {
  constexpr std::size_t kMuch = std::size_t{2} << 20;
  for (std::size_t times = bytes < kMuch ? 1 : 16;; times /= 2) {
    try {
      PagedMemory memory(times * bytes);
      memory.Grow(bytes);
      return memory;
    } catch (const std::bad_alloc&) {
      if (times == 1) {
        throw;
      }
    }
  }
}

// Makes room for `bytes`. Returns what readers may still look at, when the first `used` bytes had
// to be copied.
PagedMemory Extend(PagedMemory* memory, std::size_t used, std::size_t bytes) {
  if (memory->GrowsInPlace(bytes)) {
    memory->Grow(bytes);
    return PagedMemory();
  }
  PagedMemory larger = WithReserve(bytes);
  if (used > 0) {
    std::memcpy(larger.data(), memory->data(), used);
  }
  return std::exchange(*memory, std::move(larger));
}

}  // namespace

// hnswlib's index, empty, with an element laid out for our walks: it begins with the record; the
// links, the label and the in-degree follow.
class GraphStore::Holder {
 public:
  Holder(const Codec* codec, std::uint64_t seed)
      : space(codec), graph(&space, /*max_elements=*/1, kM, kEfConstruction, seed) {
    graph.offsetData_ = 0;
    graph.offsetLevel0_ = graph.data_size_;
    graph.label_offset_ = graph.offsetLevel0_ + graph.size_links_level0_;
    graph.size_data_per_element_ = RoundUp(
        graph.label_offset_ + sizeof(hnswlib::labeltype) + sizeof(std::uint32_t), kAlignment);
    std::free(std::exchange(graph.data_level0_memory_, nullptr));
    std::free(std::exchange(graph.linkLists_, nullptr));
    // Of its own searches, which are not used.
    delete std::exchange(graph.visited_list_pool_, nullptr);
    // One writer changes the graph under our own lock: hnswlib's 40 bytes of mutex a node, and 2.6
    // MB more, would never be locked.
    std::vector<std::mutex>().swap(graph.link_list_locks_);
    std::vector<std::mutex>().swap(graph.link_list_update_locks_);
  }
  ~Holder() = default;
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  RecordSpace space;
  PagedMemory elements;
  PagedMemory upper_lists;  // pointers to the lists of each slot
  hnswlib::HierarchicalNSW<float> graph;
};

GraphStore::GraphStore(const Codec& codec, std::size_t capacity, std::uint64_t seed)
    : codec_(codec), holder_(std::make_unique<Holder>(&codec_, seed)) {
  const hnswlib::HierarchicalNSW<float>& graph = holder_->graph;
  stride_ = graph.size_data_per_element_;
  upper_stride_ = graph.size_links_per_element_;
  links_offset_ = graph.offsetLevel0_;
  label_offset_ = graph.label_offset_;
  in_degree_offset_ = label_offset_ + sizeof(hnswlib::labeltype);
  Grow(capacity);
}

GraphStore::~GraphStore() {
  for (NodeId node = 0; node < slots_; ++node) {
    std::free(upper()[node]);
  }
}

void GraphStore::Grow(std::size_t capacity) {
  NEARHIT_CHECK(capacity >= slots_ && capacity <= kMaxNodes);
  // What readers may still look at; freed after the wait.
  PagedMemory old_elements;
  PagedMemory old_upper_lists;
  const WaitAtEnd wait(/*needed=*/slots_ > 0);
  old_elements = Extend(&holder_->elements, slots_ * stride_, capacity * stride_);
  elements_ = holder_->elements.data();
  base_.store(elements_, std::memory_order_release);
  old_upper_lists =
      Extend(&holder_->upper_lists, slots_ * sizeof(std::byte*), capacity * sizeof(std::byte*));
  upper_.store(reinterpret_cast<std::byte**>(holder_->upper_lists.data()),
               std::memory_order_release);
  holder_->graph.element_levels_.resize(capacity);
  levels_ = holder_->graph.element_levels_.data();
  capacity_.store(capacity, std::memory_order_release);
}

int GraphStore::RandomLevel() {
  return holder_->graph.getRandomLevel(holder_->graph.mult_);
}

void GraphStore::Occupy(NodeId node, EntryId label, int level) {
  NEARHIT_CHECK(node <= slots_ && node < capacity());
  if (node == slots_) {
    ++slots_;
  }
  levels_[node] = level;
  std::memset(Record(node), 0, stride_);
  SetLabel(node, label);
  std::free(std::exchange(upper()[node], nullptr));
  if (level > 0) {
    const std::size_t bytes = static_cast<std::size_t>(level) * upper_stride_;
    upper()[node] = static_cast<std::byte*>(std::calloc(1, bytes));
    if (upper()[node] == nullptr) {
      throw std::bad_alloc();
    }
    upper_bytes_ += bytes;
  }
}

void GraphStore::Release(NodeId node) {
  upper_bytes_ -= static_cast<std::size_t>(levels_[node]) * upper_stride_;
  levels_[node] = -1;
}

// Whoever reads the list meanwhile meets every link that stays: it keeps its place, or is where it
// was as well.
void GraphStore::SetLinks(NodeId node, int level, std::span<const NodeId> links) {
  NEARHIT_CHECK(links.size() <= MaxLinks(level) && level <= levels_[node]);
  NodeId* const list = LinkList(node, level);
  const std::span<const NodeId> before = Links(node, level);
  const auto kept = static_cast<std::size_t>(
      std::mismatch(before.begin(), before.end(), links.begin(), links.end()).first -
      before.begin());
  std::array<bool, kMaxLinks0> placed{};  // of `links`
  std::array<bool, kMaxLinks0> free{};    // places of the list
  for (std::size_t place = kept; place < links.size(); ++place) {
    free[place] = true;
    if (place < before.size()) {
      const auto found =
          std::find(links.begin() + static_cast<std::ptrdiff_t>(kept), links.end(), before[place]);
      if (found != links.end()) {
        placed[static_cast<std::size_t>(found - links.begin())] = true;
        free[place] = false;
      }
    }
  }
  std::size_t place = kept;
  for (std::size_t i = kept; i < links.size(); ++i) {
    if (!placed[i]) {
      for (; !free[place]; ++place) {
      }
      LiveLinks::Store(list + 1 + place++, links[i]);
    }
  }
  LiveLinks::Store(list, static_cast<NodeId>(links.size()));
}

std::size_t GraphStore::memory_bytes() const {
  // Elements and pointers that were never written take no memory.
  return slots_ * (stride_ + sizeof(std::byte*)) + capacity_ * sizeof(int) + upper_bytes_;
}

}  // namespace nearhit
