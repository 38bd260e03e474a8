#include "engine/collection/id_set.h"

#include <algorithm>
#include <roaring/roaring64map.hh>
#include <utility>

namespace nearhit {

struct IdSet::Bitmap {
  Roaring64Map ids;
};

IdSet::IdSet() = default;
IdSet::~IdSet() = default;
IdSet::IdSet(IdSet&& other) noexcept = default;
IdSet& IdSet::operator=(IdSet&& other) noexcept = default;

IdSet::IdSet(const IdSet& other)
    : few_(other.few_),
      many_(other.many_ == nullptr ? nullptr : std::make_unique<Bitmap>(*other.many_)) {
}

IdSet& IdSet::operator=(const IdSet& other) {
  return *this = IdSet(other);
}

IdSet::Bitmap& IdSet::MakeBitmap() {
  if (many_ == nullptr) {
    many_ = std::make_unique<Bitmap>();
    for (const std::uint64_t id : few_) {
      many_->ids.add(id);
    }
    few_ = {};
  }
  return *many_;
}

void IdSet::Insert(EntryId id) {
  if (many_ == nullptr) {
    const auto place = std::lower_bound(few_.begin(), few_.end(), id.value);
    if (place != few_.end() && *place == id.value) {
      return;
    }
    if (few_.size() < kFew) {
      few_.insert(place, id.value);
      return;
    }
  }
  MakeBitmap().ids.add(id.value);
}

void IdSet::Erase(EntryId id) {
  if (many_ != nullptr) {
    many_->ids.remove(id.value);
    return;
  }
  const auto place = std::lower_bound(few_.begin(), few_.end(), id.value);
  if (place != few_.end() && *place == id.value) {
    few_.erase(place);
  }
}

bool IdSet::Contains(EntryId id) const {
  return many_ != nullptr ? many_->ids.contains(id.value)
                          : std::binary_search(few_.begin(), few_.end(), id.value);
}

std::uint64_t IdSet::size() const {
  return many_ != nullptr ? many_->ids.cardinality() : few_.size();
}

void IdSet::Unite(const IdSet& other) {
  if (other.many_ != nullptr) {
    MakeBitmap().ids |= other.many_->ids;
    return;
  }
  for (const std::uint64_t id : other.few_) {
    Insert(EntryId{id});
  }
}

void IdSet::Intersect(const IdSet& other) {
  if (many_ != nullptr && other.many_ != nullptr) {
    many_->ids &= other.many_->ids;
    return;
  }
  const IdSet& larger = many_ != nullptr ? *this : other;
  std::vector<std::uint64_t> both = many_ != nullptr ? other.few_ : few_;
  std::erase_if(both, [&larger](std::uint64_t id) { return !larger.Contains(EntryId{id}); });
  many_.reset();
  few_ = std::move(both);
}

void IdSet::Subtract(const IdSet& other) {
  if (many_ != nullptr && other.many_ != nullptr) {
    many_->ids -= other.many_->ids;
    return;
  }
  if (many_ == nullptr) {
    std::erase_if(few_, [&other](std::uint64_t id) { return other.Contains(EntryId{id}); });
    return;
  }
  for (const std::uint64_t id : other.few_) {
    Erase(EntryId{id});
  }
}

std::vector<EntryId> IdSet::Ids() const {
  std::vector<EntryId> ids;
  ids.reserve(size());
  if (many_ != nullptr) {
    many_->ids.iterate(
        [](std::uint64_t id, void* to) {
          static_cast<std::vector<EntryId>*>(to)->push_back(EntryId{id});
          return true;
        },
        &ids);
  }
  for (const std::uint64_t id : few_) {
    ids.push_back(EntryId{id});
  }
  return ids;
}

}  // namespace nearhit
