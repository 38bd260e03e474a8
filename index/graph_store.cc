#include "index/graph_store.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>  // hnswlib 0.6.2 uses these three without including them
#include <iostream>
#include <new>
#include <unordered_map>

#include <hnswlib/hnswlib.h>

#include "base/check.h"
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

constexpr std::size_t RoundUp(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

// hnswlib's index, empty, with an element laid out for our walks: it begins with the record; the
// links, the label and the in-degree follow.
class GraphStore::Holder {
 public:
  Holder(const Codec* codec, std::size_t capacity, std::uint64_t seed)
      : space(codec), graph(&space, /*max_elements=*/1, kM, kEfConstruction, seed) {
    graph.offsetData_ = 0;
    graph.offsetLevel0_ = graph.data_size_;
    graph.label_offset_ = graph.offsetLevel0_ + graph.size_links_level0_;
    graph.size_data_per_element_ = RoundUp(
        graph.label_offset_ + sizeof(hnswlib::labeltype) + sizeof(std::uint32_t), kAlignment);
    std::free(graph.data_level0_memory_);
    // Of its own searches, which are not used.
    delete graph.visited_list_pool_;
    graph.visited_list_pool_ = nullptr;
    Resize(capacity);
  }
  ~Holder() { graph.data_level0_memory_ = nullptr; }  // hnswlib would free it
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void Resize(std::size_t capacity) {
    graph.element_levels_.resize(capacity);
    elements.Grow(capacity * graph.size_data_per_element_);
    graph.data_level0_memory_ = reinterpret_cast<char*>(elements.data());
    void* lists = std::realloc(graph.linkLists_, capacity * sizeof(char*));
    if (lists == nullptr) {
      throw std::bad_alloc();
    }
    graph.linkLists_ = static_cast<char**>(lists);
    graph.max_elements_ = capacity;
    // One writer changes the graph under our own lock: hnswlib's 40 bytes of mutex a node, and 2.6
    // MB more, would never be locked.
    std::vector<std::mutex>().swap(graph.link_list_locks_);
    std::vector<std::mutex>().swap(graph.link_list_update_locks_);
  }

  RecordSpace space;
  PagedMemory elements;
  hnswlib::HierarchicalNSW<float> graph;
};

GraphStore::GraphStore(const Codec& codec, std::size_t capacity, std::uint64_t seed)
    : codec_(codec),
      holder_(std::make_unique<Holder>(&codec_, capacity, seed)),
      capacity_(capacity) {
  Refresh();
}

GraphStore::~GraphStore() = default;

void GraphStore::Refresh() {
  hnswlib::HierarchicalNSW<float>& graph = holder_->graph;
  base_ = reinterpret_cast<std::byte*>(graph.data_level0_memory_);
  upper_ = reinterpret_cast<std::byte**>(graph.linkLists_);
  levels_ = graph.element_levels_.data();
  stride_ = graph.size_data_per_element_;
  upper_stride_ = graph.size_links_per_element_;
  links_offset_ = graph.offsetLevel0_;
  label_offset_ = graph.label_offset_;
  in_degree_offset_ = label_offset_ + sizeof(hnswlib::labeltype);
}

int GraphStore::RandomLevel() {
  return holder_->graph.getRandomLevel(holder_->graph.mult_);
}

void GraphStore::Grow(std::size_t capacity) {
  NEARHIT_CHECK(capacity >= slots_);
  holder_->Resize(capacity);
  capacity_ = capacity;
  Refresh();
}

void GraphStore::Occupy(NodeId node, EntryId label, int level) {
  NEARHIT_CHECK(node <= slots_ && node < capacity_);
  if (node == slots_) {
    ++slots_;
    holder_->graph.cur_element_count = slots_;
  }
  levels_[node] = level;
  std::memset(base_ + node * stride_, 0, stride_);
  std::memcpy(base_ + node * stride_ + label_offset_, &label.value, sizeof(label.value));
  if (level > 0) {
    const std::size_t bytes = static_cast<std::size_t>(level) * upper_stride_;
    upper_[node] = static_cast<std::byte*>(std::calloc(1, bytes));  // freed by hnswlib's destructor
    if (upper_[node] == nullptr) {
      throw std::bad_alloc();
    }
    upper_bytes_ += bytes;
  }
}

void GraphStore::Release(NodeId node) {
  if (levels_[node] > 0) {
    upper_bytes_ -= static_cast<std::size_t>(levels_[node]) * upper_stride_;
    std::free(upper_[node]);
    upper_[node] = nullptr;
  }
  levels_[node] = -1;
}

void GraphStore::SetLinks(NodeId node, int level, std::span<const NodeId> links) {
  NEARHIT_CHECK(links.size() <= MaxLinks(level) && level <= levels_[node]);
  std::byte* list = LinkList(node, level);
  const auto count = static_cast<std::uint16_t>(links.size());
  std::memcpy(list, &count, sizeof(count));
  if (!links.empty()) {  // an empty span may have no data to point at
    std::memcpy(list + sizeof(NodeId), links.data(), links.size_bytes());
  }
}

std::size_t GraphStore::memory_bytes() const {
  // Elements and pointers that were never written take no memory.
  return slots_ * (stride_ + sizeof(std::byte*)) + capacity_ * sizeof(int) + upper_bytes_;
}

}  // namespace nearhit
