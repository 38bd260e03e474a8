#include "bench/workload/scratch.h"

#include <stdlib.h>
#include <string>
#include <utility>

#include "nearhit/local_embedder.h"

namespace nearhit::bench {

Result<std::unique_ptr<ScratchDatabase>> ScratchDatabase::Open(bool on_disk) {
  std::unique_ptr<ScratchDatabase> scratch(new ScratchDatabase());
  DatabaseOptions options;
  options.in_memory = !on_disk;
  options.background_maintenance = false;
  options.block_cache_bytes = std::size_t{64} << 20;
  if (on_disk) {
    std::string name = std::filesystem::temp_directory_path() / "nearhit-bench-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      return Unavailable("cannot make a directory like " + name);
    }
    scratch->directory_ = name;
    options.path = scratch->directory_;
  }
  RegisterLocalEmbedder();
  NEARHIT_ASSIGN_OR_RETURN(scratch->db_, Database::Open(options));
  return scratch;
}

ScratchDatabase::~ScratchDatabase() {
  db_.reset();
  if (!directory_.empty()) {
    std::error_code ignored;  // what is left is in a directory for temporary files
    std::filesystem::remove_all(directory_, ignored);
  }
}

}  // namespace nearhit::bench
