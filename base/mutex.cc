#include "base/mutex.h"

namespace nearhit {

namespace {

// How often the state is looked at before sleeping: for some 30 us, in which a scan of ten thousand
// entries ends, or an entry is copied. To sleep and to be woken takes longer, and a writer that is
// being woken keeps readers out meanwhile.
constexpr int kLooks = 1500;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

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
  for (int looks = 0;;) {
    if ((state & ~kWriterWaits) == 0) {
      if (state_.compare_exchange_weak(state, kHeld, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return;
      }
      continue;
    }
    if (looks++ < kLooks) {  // readers that come now need not wait yet
      Pause();
      state = state_.load(std::memory_order_relaxed);
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
  for (int looks = 0;;) {
    if ((state & kNoReaders) != 0) {
      if (looks++ < kLooks) {
        Pause();
      } else {
        state_.wait(state, std::memory_order_relaxed);
      }
      state = state_.load(std::memory_order_relaxed);
    } else if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
      return;
    }
  }
}

}  // namespace nearhit
