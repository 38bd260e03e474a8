// The vectors of the texts that were embedded last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

// A text costs the encoder a millisecond and more, and applications repeat themselves: a lookup
// that missed is followed by a store of the same text. Least recently used texts go first.
//
// Thread-safety: thread-safe; one mutex, held for a look-up and the copy of a row. Persistence:
// none, and no text leaves it. Memory: at most the bytes it was made with.
class TextMemo {
 public:
  struct Counts {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::size_t bytes = 0;
  };

  // Rows have `dimension` floats. Room for 0 bytes keeps nothing.
  TextMemo(std::size_t dimension, std::size_t max_bytes);
  ~TextMemo();
  TextMemo(const TextMemo&) = delete;
  TextMemo& operator=(const TextMemo&) = delete;

  // Fills `row` and returns true when the vector of just this text is here. Counted.
  bool Find(std::string_view text, std::span<float> row);
  // The same for all of `texts`, or nothing. Only hits are counted.
  bool FindAll(std::span<const std::string_view> texts, std::span<float> rows);
  // The same for a text whose miss was counted a moment ago.
  bool FindAgain(std::string_view text, std::span<float> row);

  // Keeps the vector of a text; an empty `row` says that it has none, which Find gives as zeros. A
  // text that alone is over the bytes is not kept.
  void Put(std::string_view text, std::span<const float> row);

  Counts counts() const;

  // What is counted for a text beside its own bytes and its row: the nodes of list and table.
  static constexpr std::size_t kOverheadBytes = 160;

 private:
  struct Entry {
    std::string text;
    std::vector<float> row;  // empty: the text has no vector
  };
  using Entries = std::list<Entry>;

  std::size_t Bytes(std::string_view text, std::size_t floats) const;
  bool Copy(std::string_view text, std::span<float> row) NEARHIT_REQUIRES(mu_);

  const std::size_t dimension_;
  const std::size_t max_bytes_;

  mutable Mutex mu_;
  Entries entries_ NEARHIT_GUARDED_BY(mu_);  // most recently used first
  // Keys view the texts of `entries_`, whose nodes stay where they are.
  std::unordered_map<std::string_view, Entries::iterator> places_ NEARHIT_GUARDED_BY(mu_);
  Counts counts_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
