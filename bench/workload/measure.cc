#include "bench/workload/measure.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <malloc.h>
#include <thread>
#include <unistd.h>

namespace nearhit::bench {

Timing TimeCalls(std::size_t count, std::size_t threads,
                 const std::function<void(std::size_t)>& call) {
  Timing timing;
  timing.micros.resize(count);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      const auto start = SteadyClock::now();
      call(i);
      timing.micros[i] = SecondsSince(start) * 1e6;
    }
  };
  const auto start = SteadyClock::now();
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 1; i < threads; ++i) {
      workers.emplace_back(work);
    }
    work();
  }
  timing.seconds = SecondsSince(start);
  return timing;
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) {
    return 0;
  }
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  const std::size_t at = std::min(values.size(), std::max<std::size_t>(rank, 1)) - 1;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

std::size_t ResidentBytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  if (!(statm >> total >> resident)) {
    return 0;
  }
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace nearhit::bench
