// Texts of long scopes, for comparisons without a read of storage.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include <tsl/robin_map.h>

#include "base/mutex.h"
#include "engine/storage/keys.h"

namespace nearhit {

// Keeps those that were asked for, up to a number of bytes. The oldest leaves, unless it was asked
// for since it was oldest last (second chance; Corbato, "A Paging Experiment with the Multics
// System", 1968).
//
// Thread-safety: thread-safe; a mutex for a few steps. Texts stay while someone holds them.
class LongScopes {
 public:
  using Text = std::shared_ptr<const std::string>;

  explicit LongScopes(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // Null when it is not here.
  Text Find(PartitionNumber partition);
  // A text that alone is over the bytes is not kept. The text of a partition never changes.
  void Keep(PartitionNumber partition, Text text);

  std::size_t bytes() const;

 private:
  struct Kept {
    Text text;
    bool used = false;  // since it was kept, or oldest last
  };

  const std::size_t max_bytes_;
  mutable Mutex mu_;
  tsl::robin_map<PartitionNumber, Kept> kept_ NEARHIT_GUARDED_BY(mu_);
  std::deque<PartitionNumber> order_ NEARHIT_GUARDED_BY(mu_);  // the oldest first
  std::size_t bytes_ NEARHIT_GUARDED_BY(mu_) = 0;
};

}  // namespace nearhit
