// Entries of a graph whose codes are those of a node that was there before: they have no node of
// their own, because links between equal nodes lead nowhere, and a walk would find nothing else.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "index/graph_store.h"
#include "nearhit/types.h"

namespace nearhit {

// Thread-safety: thread-safe. Readers share a lock with the writer, held for a change of one list;
// a graph without copies costs them a load.
class Copies {
 public:
  struct Copy {
    EntryId id;
    std::uint32_t fingerprint = 0;  // see RoughNeighbor
  };

  // How many entries there are.
  std::size_t size() const { return size_.load(std::memory_order_acquire); }
  NodeId NodeOf(EntryId id) const;  // kNoNode: not one of them

  void Add(NodeId node, const Copy& copy);
  void Erase(NodeId node, EntryId id);
  // The entry that `node` is named after has gone.
  void EraseName(NodeId node);
  // Whether a node has any.
  bool Has(NodeId node) const;
  // Whether the entry that a node is named after is still there.
  bool HasName(NodeId node) const;
  // The slot of a node is used again.
  void Forget(NodeId node);
  void Clear();

  // Calls use(id, fingerprint) for every entry at `node`, whose name is `name`.
  template <typename Use>
  void ForEach(NodeId node, EntryId name, const Use& use) const {
    if (any_.load(std::memory_order_acquire)) {
      ReaderLock lock(&mu_);
      if (const auto found = at_.find(node); found != at_.end()) {
        if (found->second.has_name) {
          use(name, std::uint32_t{0});
        }
        for (const Copy& copy : found->second.copies) {
          use(copy.id, copy.fingerprint);
        }
        return;
      }
    }
    use(name, std::uint32_t{0});
  }

  std::vector<Copy> At(NodeId node) const;
  void AppendIds(std::vector<EntryId>* ids) const;
  std::size_t memory_bytes() const;

 private:
  struct List {
    std::vector<Copy> copies;
    bool has_name = true;
  };

  mutable SharedMutex mu_;
  std::unordered_map<NodeId, List> at_ NEARHIT_GUARDED_BY(mu_);
  std::unordered_map<std::uint64_t, NodeId> nodes_ NEARHIT_GUARDED_BY(mu_);  // by id
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> any_{false};  // whether there is a list
};

}  // namespace nearhit
