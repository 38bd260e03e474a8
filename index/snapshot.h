// A partition's index in a file, so that a start need not build it again. Derived data: a snapshot
// that is missing, damaged or of another shape only makes the start slower. Byte table:
// docs/formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "index/partition_index.h"
#include "nearhit/result.h"

namespace nearhit {

// Written to a temporary file, synced and renamed: a crash leaves the old or the new one. Searches
// go on meanwhile. Errors: kUnavailable for I/O errors.
Status WriteSnapshot(const std::filesystem::path& path, const PartitionIndex& index,
                     std::uint64_t sequence);

// Errors: kNotFound; kDataLoss when it is damaged, cut short or of another dimension, metric or
// encoding; kFailedPrecondition for another version.
Result<std::unique_ptr<PartitionIndex>> LoadSnapshot(const std::filesystem::path& path,
                                                     std::size_t dimension, IndexMetric metric,
                                                     Encoding encoding);

}  // namespace nearhit
