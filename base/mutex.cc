#include "base/mutex.h"

namespace nearhit {

// Nobody sleeps through the change that lets it go on.
//
// A reader waits for a state without kHeld and kWriterWaits. Only Unlock makes one, as kWriterWaits
// is taken away by a writer that sets kHeld, and Unlock wakes everybody.
//
// A writer waits for a state without kHeld and readers, with its kWriterWaits set. Either Unlock
// makes it, or the last reader leaving does, which sees that bit: it is still set, as no writer
// gets in before.
//
// Of several writers, the one that gets in takes the bit from the others. Whatever woke it woke
// them too: each sets the bit again, or finds that its turn has come.
//
// wait(state) returns at once when the state is another one by then.
void SharedMutex::WaitAndLock() {
  std::uint32_t state = state_.load(std::memory_order_relaxed);
  while (true) {
    if ((state & ~kWriterWaits) == 0) {
      if (state_.compare_exchange_weak(state, kHeld, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return;
      }
      continue;
    }
    const std::uint32_t waiting = state | kWriterWaits;
    if (state == waiting ||
        state_.compare_exchange_weak(state, waiting, std::memory_order_relaxed)) {
      state_.wait(waiting, std::memory_order_relaxed);
      state = state_.load(std::memory_order_relaxed);
    }
  }
}

void SharedMutex::WaitAndLockShared() {
  std::uint32_t state = state_.load(std::memory_order_relaxed);
  while (true) {
    if ((state & kNoReaders) != 0) {
      state_.wait(state, std::memory_order_relaxed);
      state = state_.load(std::memory_order_relaxed);
    } else if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
      return;
    }
  }
}

}  // namespace nearhit
