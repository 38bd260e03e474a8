// Whether the files of a database are those that its high-water mark knows, before RocksDB opens
// them and deletes what it takes for left over.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/storage/high_water_mark.h"
#include "nearhit/result.h"

namespace nearhit {

struct Bearings {
  bool certain = false;             // nothing that the mark knows is missing
  std::vector<std::string> lost{};  // what is: of logs that are shorter, a line each
};

// Errors: kDataLoss, with the file: CURRENT or a log is missing, or the manifest is an older one or
// shorter than it was.
Result<Bearings> CheckFiles(const std::filesystem::path& directory, const HighWaterMark& mark);

// The manifest that CURRENT names, with its size, after an fsync.
// Errors: kNotFound; kDataLoss for a CURRENT that names none; kUnavailable for I/O errors.
Result<FileExtent> SyncManifest(const std::filesystem::path& directory);

}  // namespace nearhit
