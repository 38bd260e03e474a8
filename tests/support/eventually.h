// Waits for another thread or process where nothing tells that it is done. The only place of the
// tests that sleeps; where an event can be had, wait for that.
#pragma once

#include <chrono>
#include <thread>

namespace nearhit {

// Whether `holds()` comes true within `patience`. Asks every millisecond.
template <typename Predicate>
bool Eventually(const Predicate& holds, std::chrono::seconds patience = std::chrono::seconds(60)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// Lets other threads run, for a test that something does not happen: it cannot wait for that.
inline void YieldOften() {
  for (int i = 0; i < 1'000; ++i) {
    std::this_thread::yield();
  }
}

}  // namespace nearhit
