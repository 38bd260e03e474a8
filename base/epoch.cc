#include "base/epoch.h"

#include <atomic>
#include <thread>

#include "base/prefetch.h"

namespace nearhit {

namespace {

// Of one thread at a time; handed on when it ends, and never freed.
struct alignas(kCacheLine) Reader {
  std::atomic<Epoch> since{0};  // the epoch that its read section began in; 0: it has none
  std::atomic<bool> taken{true};
  Reader* next = nullptr;
};

alignas(kCacheLine) std::atomic<Epoch> current_epoch{1};
std::atomic<Reader*> readers{nullptr};

Reader* TakeReader() {
  for (Reader* reader = readers.load(); reader != nullptr; reader = reader->next) {
    bool taken = false;
    if (reader->taken.compare_exchange_strong(taken, true)) {
      return reader;
    }
  }
  auto* const reader = new Reader;
  reader->next = readers.load();
  while (!readers.compare_exchange_weak(reader->next, reader)) {
  }
  return reader;
}

class ThisThread {
 public:
  ThisThread() = default;
  ~ThisThread() { reader_->taken.store(false); }
  ThisThread(const ThisThread&) = delete;
  ThisThread& operator=(const ThisThread&) = delete;

  std::atomic<Epoch>& since() { return reader_->since; }

 private:
  Reader* const reader_ = TakeReader();
};

thread_local ThisThread this_thread;

std::atomic<Epoch>* SinceUnlessReading() {
  std::atomic<Epoch>& since = this_thread.since();
  return since.load(std::memory_order_relaxed) == 0 ? &since : nullptr;
}

}  // namespace

// Why a reader sees that something was put out of reach, or is waited for. The writer puts it out
// of reach, raises current_epoch to E and then looks at `since`. Either it finds an epoch before E,
// and waits; or one from E on, and the reader took that from current_epoch after it was raised; or
// 0. Then the section has ended, or the store of `since` comes after that look in the one order of
// all sequentially consistent operations, and so does the load behind it, which therefore sees E.
// In both cases it is a load of E or later that what the section reads comes after.
ReadSection::ReadSection() : since_(SinceUnlessReading()) {
  if (since_ != nullptr) {
    since_->store(current_epoch.load());
    static_cast<void>(current_epoch.load());
  }
}

ReadSection::~ReadSection() {
  if (since_ != nullptr) {
    since_->store(0, std::memory_order_release);
  }
}

Epoch NewEpoch() {
  return current_epoch.fetch_add(1) + 1;
}

bool ReadersLeft(Epoch epoch) {
  for (const Reader* reader = readers.load(); reader != nullptr; reader = reader->next) {
    const Epoch since = reader->since.load();
    if (since != 0 && since < epoch) {
      return false;
    }
  }
  return true;
}

void WaitForReaders() {
  const Epoch epoch = NewEpoch();
  while (!ReadersLeft(epoch)) {
    std::this_thread::yield();
  }
}

}  // namespace nearhit
