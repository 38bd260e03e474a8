#include "engine/collection/change_recorder.h"

#include <algorithm>

namespace nearhit {

void ChangeRecorder::Start() {
  MutexLock lock(&mu_);
  recording_ = true;
  changes_.clear();
}

void ChangeRecorder::Stop() {
  MutexLock lock(&mu_);
  recording_ = false;
  changes_ = {};
}

void ChangeRecorder::Note(EntryId id) {
  MutexLock lock(&mu_);
  if (recording_ && changes_.size() <= kMaxChanges) {
    changes_.push_back(id);
  }
}

std::optional<std::vector<EntryId>> ChangeRecorder::Take() {
  std::vector<EntryId> changes;
  bool complete = false;
  {
    MutexLock lock(&mu_);
    complete = recording_ && changes_.size() <= kMaxChanges;
    changes.swap(changes_);
  }
  if (!complete) {
    return std::nullopt;
  }
  std::sort(changes.begin(), changes.end());
  changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
  return changes;
}

}  // namespace nearhit
