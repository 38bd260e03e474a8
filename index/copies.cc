#include "index/copies.h"

#include <algorithm>

namespace nearhit {

NodeId Copies::NodeOf(EntryId id) const {
  if (size() == 0) {
    return kNoNode;
  }
  ReaderLock lock(&mu_);
  const auto found = nodes_.find(id.value);
  return found == nodes_.end() ? kNoNode : found->second;
}

void Copies::Add(NodeId node, const Copy& copy) {
  WriterLock lock(&mu_);
  at_[node].copies.push_back(copy);
  nodes_[copy.id.value] = node;
  size_.store(nodes_.size(), std::memory_order_release);
  any_.store(true, std::memory_order_release);
}

// In place of the last one: there may be ten thousand.
void Copies::Erase(NodeId node, EntryId id) {
  WriterLock lock(&mu_);
  List& list = at_[node];
  const auto found = std::find_if(list.copies.begin(), list.copies.end(),
                                  [id](const Copy& copy) { return copy.id == id; });
  if (found != list.copies.end()) {
    *found = list.copies.back();
    list.copies.pop_back();
    nodes_.erase(id.value);
  }
  // Without a name it stays, for searches that are at the node, until the slot is used again.
  if (list.copies.empty() && list.has_name) {
    at_.erase(node);
  }
  size_.store(nodes_.size(), std::memory_order_release);
  any_.store(!at_.empty(), std::memory_order_release);
}

void Copies::EraseName(NodeId node) {
  WriterLock lock(&mu_);
  at_[node].has_name = false;
}

bool Copies::Has(NodeId node) const {
  if (size() == 0) {
    return false;
  }
  ReaderLock lock(&mu_);
  const auto found = at_.find(node);
  return found != at_.end() && !found->second.copies.empty();
}

void Copies::Forget(NodeId node) {
  if (any_.load(std::memory_order_acquire)) {
    WriterLock lock(&mu_);
    at_.erase(node);
    any_.store(!at_.empty(), std::memory_order_release);
  }
}

bool Copies::HasName(NodeId node) const {
  ReaderLock lock(&mu_);
  const auto found = at_.find(node);
  return found == at_.end() || found->second.has_name;
}

void Copies::Clear() {
  WriterLock lock(&mu_);
  at_.clear();
  nodes_.clear();
  size_.store(0);
  any_.store(false);
}

std::vector<Copies::Copy> Copies::At(NodeId node) const {
  ReaderLock lock(&mu_);
  const auto found = at_.find(node);
  return found == at_.end() ? std::vector<Copy>() : found->second.copies;
}

void Copies::AppendIds(std::vector<EntryId>* ids) const {
  ReaderLock lock(&mu_);
  for (const auto& [id, node] : nodes_) {
    ids->push_back(EntryId{id});
  }
}

std::size_t Copies::memory_bytes() const {
  ReaderLock lock(&mu_);
  constexpr std::size_t kNode = 4 * sizeof(void*);  // of a hash map, with its bucket
  return at_.size() * (kNode + sizeof(List)) + nodes_.size() * (kNode + 2 * sizeof(Copy));
}

}  // namespace nearhit
