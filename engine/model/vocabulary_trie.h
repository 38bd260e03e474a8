// The pieces of a vocabulary by their bytes, for longest and all prefixes of a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace nearhit {

// A forest of bytes whose edges are kept in one open-addressing table: a step is one probe, mostly.
//
// Thread-safety: externally synchronized; const methods thread-safe.
class VocabularyTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kNone = 0;
  static constexpr std::int32_t kNoId = -1;

  VocabularyTrie();

  // Starts another tree.
  Node AddRoot();

  // Gives `piece` its id in the tree of `root`. Returns false when it has one already; the trie is
  // then unchanged. Requires: id >= 0; at most 2^24 bytes in all pieces.
  bool Add(Node root, std::string_view piece, std::int32_t id);

  // The node that `byte` leads to; kNone when there is none. Requires: node != kNone.
  Node Step(Node node, char byte) const {
    const std::uint32_t key = Key(node, byte);
    for (std::size_t slot = Slot(key);; slot = (slot + 1) & mask_) {
      if (edges_[slot].key == key) {
        return edges_[slot].to;
      }
      if (edges_[slot].key == 0) {
        return kNone;
      }
    }
  }

  // The id of the piece that ends here; kNoId when none does.
  std::int32_t id(Node node) const { return ids_[node]; }

  // The id of `piece`; kNoId when it has none.
  std::int32_t Find(Node root, std::string_view piece) const;

 private:
  struct Edge {
    std::uint32_t key = 0;  // 0: empty. Nodes begin at 1, so no key is 0
    Node to = kNone;
  };

  static std::uint32_t Key(Node node, char byte) {
    return (node << 8) | static_cast<unsigned char>(byte);
  }
  std::size_t Slot(std::uint32_t key) const {
    return ((key * std::uint64_t{0x9E3779B97F4A7C15}) >> shift_) & mask_;
  }
  Node NewNode();
  void Insert(std::uint32_t key, Node to);
  void Grow();

  std::vector<Edge> edges_;
  std::vector<std::int32_t> ids_;  // by node
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  std::size_t used_ = 0;
};

}  // namespace nearhit
