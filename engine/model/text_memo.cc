#include "engine/model/text_memo.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace nearhit {

TextMemo::TextMemo(std::size_t dimension, std::size_t max_bytes)
    : dimension_(dimension), max_bytes_(max_bytes) {
}

TextMemo::~TextMemo() = default;

bool TextMemo::Copy(std::string_view text, std::span<float> row) {
  NEARHIT_DCHECK(row.size() == dimension_);
  const auto place = places_.find(text);
  if (place == places_.end()) {
    return false;
  }
  const std::vector<float>& known = place->second->row;
  if (known.empty()) {
    std::fill(row.begin(), row.end(), 0.0F);
  } else {
    std::copy(known.begin(), known.end(), row.begin());
  }
  entries_.splice(entries_.begin(), entries_, place->second);
  return true;
}

bool TextMemo::Find(std::string_view text, std::span<float> row) {
  const MutexLock lock(&mu_);
  const bool found = Copy(text, row);
  ++(found ? counts_.hits : counts_.misses);
  return found;
}

bool TextMemo::FindAll(std::span<const std::string_view> texts, std::span<float> rows) {
  const MutexLock lock(&mu_);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!Copy(texts[i], rows.subspan(i * dimension_, dimension_))) {
      return false;
    }
  }
  counts_.hits += texts.size();
  return true;
}

bool TextMemo::FindAgain(std::string_view text, std::span<float> row) {
  const MutexLock lock(&mu_);
  return Copy(text, row);
}

void TextMemo::Put(std::string_view text, std::span<const float> row) {
  const std::size_t bytes = Bytes(text, row.size());
  if (bytes > max_bytes_) {
    return;
  }
  // Made before the lock is taken, like what leaves is freed after it.
  Entries fresh;
  fresh.push_back({std::string(text), {row.begin(), row.end()}});
  Entries gone;
  const MutexLock lock(&mu_);
  if (places_.count(text) != 0) {
    return;  // made twice at the same time; both are the same
  }
  while (counts_.bytes + bytes > max_bytes_) {
    const auto last = std::prev(entries_.end());
    counts_.bytes -= Bytes(last->text, last->row.size());
    places_.erase(last->text);
    gone.splice(gone.begin(), entries_, last);
  }
  entries_.splice(entries_.begin(), fresh);
  places_.emplace(entries_.front().text, entries_.begin());
  counts_.bytes += bytes;
}

TextMemo::Counts TextMemo::counts() const {
  const MutexLock lock(&mu_);
  return counts_;
}

std::size_t TextMemo::Bytes(std::string_view text, std::size_t floats) const {
  return kOverheadBytes + text.size() + floats * sizeof(float);
}

}  // namespace nearhit
