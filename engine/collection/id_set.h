// A set of entry ids: a few in a sorted list, many in a compressed bitmap (Lemire et al., "Roaring
// Bitmaps: Implementation of an Optimized Software Library", 2018), two bytes an id or less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "nearhit/types.h"

namespace nearhit {

// Thread-safety: externally synchronized; const methods may run together.
class IdSet {
 public:
  IdSet();
  ~IdSet();
  IdSet(const IdSet& other);
  IdSet(IdSet&& other) noexcept;
  IdSet& operator=(const IdSet& other);
  IdSet& operator=(IdSet&& other) noexcept;

  void Insert(EntryId id);
  void Erase(EntryId id);
  bool Contains(EntryId id) const;
  std::uint64_t size() const;

  void Unite(const IdSet& other);
  void Intersect(const IdSet& other);
  void Subtract(const IdSet& other);

  std::vector<EntryId> Ids() const;  // ascending

 private:
  struct Bitmap;
  static constexpr std::size_t kFew = 32;

  Bitmap& MakeBitmap();

  std::vector<std::uint64_t> few_;  // ascending; empty when there is a bitmap
  std::unique_ptr<Bitmap> many_;    // null while there are few
};

}  // namespace nearhit
