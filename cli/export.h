// Every entry of a namespace as JSON lines, in the shape that import reads.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "cli/client.h"

namespace nearhit {

struct ExportOptions {
  std::string name;
  bool vectors = false;     // of cache entries; a vector store's are always there
  std::uint64_t limit = 0;  // entries; 0: all
};

// Entries stored meanwhile may or may not be seen. `count` is filled in on errors as well.
Status RunExport(const Client& client, const ExportOptions& options, std::ostream* out,
                 std::uint64_t* count);

}  // namespace nearhit
