#include "index/small_lists.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace nearhit {

std::size_t SmallLists::SizeFor(std::size_t values) {
  std::size_t size = 0;
  while (WordsOf(size) < values + 1) {
    ++size;
  }
  return size;
}

std::uint32_t SmallLists::Take(std::size_t size) {
  if (const std::uint32_t block = free_[size]; block != 0) {
    free_[size] = Words()[block];
    return block;
  }
  const std::size_t block = used_;
  used_ += WordsOf(size);
  NEARHIT_CHECK(used_ <= std::numeric_limits<std::uint32_t>::max());
  if (used_ > capacity_) {
    capacity_ = std::max(used_, 2 * capacity_);
    memory_.Grow(capacity_ * sizeof(std::uint32_t));
  }
  return static_cast<std::uint32_t>(block);
}

void SmallLists::GiveBack(std::uint32_t block, std::size_t size) {
  Words()[block] = free_[size];
  free_[size] = block;
}

void SmallLists::Fit(std::size_t list, std::size_t values) {
  const std::uint32_t old = heads_[list];
  const std::size_t count = old == 0 ? 0 : Words()[old];
  if (old != 0 && values != 0 && SizeFor(values) == SizeFor(count)) {
    return;
  }
  const std::uint32_t fitting = values == 0 ? 0 : Take(SizeFor(values));
  if (fitting != 0) {
    Words()[fitting] = static_cast<std::uint32_t>(std::min(count, values));
    std::copy_n(Words() + old + 1, std::min(count, values), Words() + fitting + 1);
  }
  if (old != 0) {
    GiveBack(old, SizeFor(count));
  }
  heads_[list] = fitting;
}

void SmallLists::Add(std::size_t list, std::uint32_t value) {
  if (list >= heads_.size()) {
    heads_.resize(list + 1);
  }
  const std::size_t count = Get(list).size();
  Fit(list, count + 1);
  std::uint32_t* block = Words() + heads_[list];
  block[1 + count] = value;
  block[0] = static_cast<std::uint32_t>(count + 1);
}

void SmallLists::Remove(std::size_t list, std::uint32_t value) {
  const std::size_t count = Get(list).size();
  NEARHIT_CHECK(count > 0);
  std::uint32_t* values = Words() + heads_[list] + 1;
  std::uint32_t* found = std::find(values, values + count, value);
  NEARHIT_CHECK(found != values + count);
  *found = values[count - 1];
  Fit(list, count - 1);
  if (count > 1) {
    Words()[heads_[list]] = static_cast<std::uint32_t>(count - 1);
  }
}

void SmallLists::Build(std::size_t lists, std::span<const Item> items) {
  std::vector<std::uint32_t> counts(lists);
  for (const Item& item : items) {
    ++counts[item.list];
  }
  heads_.assign(lists, 0);
  free_ = {};
  used_ = 1;
  capacity_ = 0;
  memory_ = PagedMemory();
  for (std::size_t list = 0; list < lists; ++list) {
    if (counts[list] > 0) {
      heads_[list] = Take(SizeFor(counts[list]));
    }
  }
  for (const Item& item : items) {  // blocks are zero: their first words count up
    std::uint32_t* block = Words() + heads_[item.list];
    block[++block[0]] = item.value;
  }
}

}  // namespace nearhit
