#include "server/core/memory.h"

#include <algorithm>
#include <fstream>
#include <malloc.h>
#include <unistd.h>

namespace nearhit::server {

bool MemoryTrimmer::IsDue(std::size_t released, std::size_t resident, TimePoint now) {
  released_ += released;
  least_ = least_ == 0 ? resident : std::min(least_, resident);
  return released_ >= kReleased || (resident >= least_ + kGrown && now >= next_);
}

void MemoryTrimmer::Trimmed(std::size_t resident, TimePoint now) {
  released_ = 0;
  least_ = resident;
  next_ = now + kPause;
}

std::size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  if (!(file >> total >> resident)) {
    return 0;
  }
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void TrimMemory() {
  malloc_trim(0);
}

}  // namespace nearhit::server
