// Which entries came or went, for whoever copies a collection while it is written to.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "nearhit/types.h"

namespace nearhit {

// Off at first. Keeps at most kMaxChanges: whoever takes them too seldom has to compare everything
// again.
//
// Thread-safety: thread-safe.
class ChangeRecorder {
 public:
  static constexpr std::size_t kMaxChanges = std::size_t{1} << 16U;

  ChangeRecorder() = default;
  ~ChangeRecorder() = default;
  ChangeRecorder(const ChangeRecorder&) = delete;
  ChangeRecorder& operator=(const ChangeRecorder&) = delete;

  void Start();  // from now on
  void Stop();
  void Note(EntryId id);
  // Ids noted since the last call (or since Start()), ascending, each once; nothing when they were
  // too many or are not recorded. Recording goes on.
  std::optional<std::vector<EntryId>> Take();

 private:
  Mutex mu_;
  bool recording_ NEARHIT_GUARDED_BY(mu_) = false;
  std::vector<EntryId> changes_ NEARHIT_GUARDED_BY(mu_);  // one more than kMaxChanges: too many
};

}  // namespace nearhit
