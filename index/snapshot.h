// A partition's index in a file, so that a start need not build it again. Derived data: a snapshot
// that is missing, damaged or of another shape only makes the start slower. Byte table:
// docs/formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "index/partition_index.h"
#include "nearhit/status.h"

namespace nearhit {

// The file's bytes, and back, into an index that is empty and that nobody uses yet. `sequence` is
// the storage sequence that the index had reached: for people who look into the file. Searches go
// on meanwhile; writers of the index wait.
std::string EncodeSnapshot(const PartitionIndex& index, std::uint64_t sequence);
// Errors, which leave the index empty: kDataLoss when it is damaged, cut short or of another
// dimension, metric or encoding; kFailedPrecondition for another version.
Status DecodeSnapshot(std::string_view bytes, PartitionIndex* index);

// Written to a temporary file, synced and renamed: a crash leaves the old or the new one. Searches
// go on meanwhile. Errors: kUnavailable for I/O errors.
Status WriteSnapshot(const std::filesystem::path& path, const PartitionIndex& index,
                     std::uint64_t sequence);

// As DecodeSnapshot. Errors: kNotFound; kUnavailable for I/O errors; those of DecodeSnapshot.
Status LoadSnapshot(const std::filesystem::path& path, PartitionIndex* index);

}  // namespace nearhit
