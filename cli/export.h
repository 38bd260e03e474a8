// Every entry of a namespace as JSON lines, in the shape that import reads.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "cli/client.h"

namespace nearhit {

struct ExportOptions {
  std::string name;
  bool vectors = false;     // of cache entries; a vector store's are always there
  std::uint64_t limit = 0;  // entries; 0: all
};

struct Exported {
  std::uint64_t entries = 0;
  std::vector<std::uint64_t> damaged;  // ids of those that cannot be read whole; left out
};

// Entries stored meanwhile may or may not be seen.
Result<Exported> RunExport(const Client& client, const ExportOptions& options, std::ostream* out);

}  // namespace nearhit
