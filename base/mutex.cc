#include "base/mutex.h"

#include <chrono>

namespace nearhit {

namespace {

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // "yield" is over too soon to be a pause
#endif
}

// Looks before sleeping, for 30 us: in these a scan of ten thousand entries ends, or an entry is
// copied. To sleep and to be woken takes longer, and a writer that is being woken keeps readers out
// meanwhile.
class Looks {
 public:
  // False when it is time to sleep.
  bool Again() {
    constexpr int kBeforeTime = 32;  // the clock is asked for every so many
    if (over_ || (++looks_ % kBeforeTime == 0 && std::chrono::steady_clock::now() > until_)) {
      over_ = true;
      return false;
    }
    Pause();
    return true;
  }

 private:
  const std::chrono::steady_clock::time_point until_ =
      std::chrono::steady_clock::now() + std::chrono::microseconds(30);
  int looks_ = 0;
  bool over_ = false;
};

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
  Looks looks;
  while (true) {
    if ((state & ~kWriterWaits) == 0) {
      if (state_.compare_exchange_weak(state, kHeld, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return;
      }
      continue;
    }
    if (looks.Again()) {  // readers that come now need not wait yet
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
  Looks looks;
  while (true) {
    if ((state & kNoReaders) != 0) {
      if (!looks.Again()) {
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
