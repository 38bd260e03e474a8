#include "engine/model/vocabulary_trie.h"

#include <bit>
#include <utility>

#include "base/check.h"

namespace nearhit {
namespace {

constexpr std::size_t kFirstSlots = 1024;
constexpr std::size_t kMaxNodes = std::size_t{1} << 24;  // a key is a node and a byte in 32 bits

}  // namespace

VocabularyTrie::VocabularyTrie() : ids_(1, kNoId) {
  edges_.resize(kFirstSlots);
  mask_ = kFirstSlots - 1;
  shift_ = 64 - static_cast<unsigned>(std::countr_zero(kFirstSlots));
}

VocabularyTrie::Node VocabularyTrie::AddRoot() {
  return NewNode();
}

VocabularyTrie::Node VocabularyTrie::NewNode() {
  NEARHIT_CHECK(ids_.size() < kMaxNodes);
  ids_.push_back(kNoId);
  return static_cast<Node>(ids_.size() - 1);
}

bool VocabularyTrie::Add(Node root, std::string_view piece, std::int32_t id) {
  NEARHIT_CHECK(root != kNone && id >= 0);
  Node node = root;
  for (const char byte : piece) {
    Node next = Step(node, byte);
    if (next == kNone) {
      next = NewNode();
      Insert(Key(node, byte), next);
    }
    node = next;
  }
  if (ids_[node] != kNoId) {
    return false;
  }
  ids_[node] = id;
  return true;
}

std::int32_t VocabularyTrie::Find(Node root, std::string_view piece) const {
  Node node = root;
  for (const char byte : piece) {
    node = Step(node, byte);
    if (node == kNone) {
      return kNoId;
    }
  }
  return ids_[node];
}

void VocabularyTrie::Insert(std::uint32_t key, Node to) {
  if (2 * (used_ + 1) > edges_.size()) {
    Grow();
  }
  std::size_t slot = Slot(key);
  while (edges_[slot].key != 0) {
    slot = (slot + 1) & mask_;
  }
  edges_[slot] = {key, to};
  ++used_;
}

void VocabularyTrie::Grow() {
  std::vector<Edge> old(2 * edges_.size());
  std::swap(old, edges_);
  mask_ = edges_.size() - 1;
  --shift_;
  used_ = 0;
  for (const Edge& edge : old) {
    if (edge.key != 0) {
      Insert(edge.key, edge.to);
    }
  }
}

}  // namespace nearhit
