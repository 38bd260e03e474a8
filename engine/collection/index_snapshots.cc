#include "engine/collection/index_snapshots.h"

#include <charconv>
#include <string>
#include <system_error>

#include "index/snapshot.h"

namespace nearhit {

namespace {
// Smaller partitions are rebuilt faster than a file is opened.
constexpr std::size_t kSnapshotEntries = 2'000;
}  // namespace

Status IndexSnapshots::Write() const {
  if (!enabled()) {
    return Status();
  }
  std::error_code error;
  std::filesystem::create_directories(state_->options.snapshot_dir, error);
  if (error) {
    return Unavailable("cannot create " + state_->options.snapshot_dir.string() + ": " +
                       error.message());
  }
  for (const PartitionPtr& partition : state_->partitions.All()) {
    if (partition->index.size() >= kSnapshotEntries) {
      NEARHIT_RETURN_IF_ERROR(WriteSnapshot(PathOf(partition->number), partition->index,
                                            state_->store->LatestSequence()));
    }
  }
  return Status();
}

std::vector<PartitionNumber> IndexSnapshots::Load() const {
  std::vector<PartitionNumber> damaged;
  if (!enabled()) {
    return damaged;
  }
  std::error_code none;  // no folder, no files
  for (const auto& file : std::filesystem::directory_iterator(state_->options.snapshot_dir, none)) {
    const std::optional<PartitionNumber> number = PartitionOf(file.path());
    const PartitionPtr partition = number ? state_->partitions.FindNumber(*number) : PartitionPtr();
    if (partition == nullptr) {
      continue;
    }
    const Status loaded = LoadSnapshot(file.path(), &partition->index);
    if (!loaded.ok() && loaded.code() != StatusCode::kNotFound) {
      damaged.push_back(*number);
    }
  }
  return damaged;
}

void IndexSnapshots::SetAside(const std::vector<PartitionNumber>& damaged) const {
  for (const PartitionNumber number : damaged) {
    const std::filesystem::path path = PathOf(number);
    std::error_code ignored;  // the index is rebuilt either way
    std::filesystem::rename(path, path.string() + ".damaged", ignored);
  }
}

std::filesystem::path IndexSnapshots::PathOf(PartitionNumber partition) const {
  return state_->options.snapshot_dir /
         (std::to_string(state_->options.ns) + "-" + std::to_string(partition) + ".index");
}

std::optional<PartitionNumber> IndexSnapshots::PartitionOf(
    const std::filesystem::path& path) const {
  const std::string name = path.filename().string();
  const std::size_t dash = name.find('-');
  PartitionNumber number = 0;
  if (dash == std::string::npos ||
      std::from_chars(name.data() + dash + 1, name.data() + name.size(), number).ec !=
          std::errc() ||
      PathOf(number).filename() != path.filename()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace nearhit
