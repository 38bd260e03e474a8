// Timing of many calls.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace nearhit::bench {

using SteadyClock = std::chrono::steady_clock;

inline double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

struct Timing {
  std::vector<double> micros;  // by call
  double seconds = 0;          // of the whole

  double per_second() const { return static_cast<double>(micros.size()) / seconds; }
};

// Calls `call(i)` once for each i in [0, count), on `threads` threads, each call timed alone.
Timing TimeCalls(std::size_t count, std::size_t threads,
                 const std::function<void(std::size_t)>& call);

// The value below which a share of `q` (in [0, 1]) lies, by nearest rank; 0 for none.
double Quantile(std::vector<double> values, double q);
inline double Median(std::vector<double> values) {
  return Quantile(std::move(values), 0.5);
}

// Memory of this process that is in RAM, after the allocator gave back what it could; 0 when the
// system does not say.
std::size_t ResidentBytes();

}  // namespace nearhit::bench
