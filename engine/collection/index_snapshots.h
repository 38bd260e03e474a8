// The files that keep the larger indexes of a collection over a restart.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "engine/collection/collection_state.h"
#include "engine/storage/keys.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: thread-safe, but Write by one thread at a time.
class IndexSnapshots {
 public:
  explicit IndexSnapshots(const CollectionState* state) : state_(state) {}

  // Writes one of each partition that is worth it.
  Status Write() const;
  // Puts the indexes that files hold in place; returns the partitions whose file is no good.
  std::vector<PartitionNumber> Load() const;
  // Renames the files of these, so that somebody can look at them.
  void SetAside(const std::vector<PartitionNumber>& damaged) const;

 private:
  // Whether there are snapshots at all.
  bool enabled() const {
    return !state_->options.snapshot_dir.empty() && state_->options.dimension != 0;
  }
  std::filesystem::path PathOf(PartitionNumber partition) const;
  // The partition of a file that PathOf named; nothing for other files.
  std::optional<PartitionNumber> PartitionOf(const std::filesystem::path& path) const;

  const CollectionState* const state_;
};

}  // namespace nearhit
