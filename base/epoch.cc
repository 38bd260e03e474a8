#include "base/epoch.h"

#include <atomic>
#include <thread>
#include <utility>

#include "base/check.h"
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

// Null before the first section of a thread and after its destructors have begun.
thread_local Reader* this_reader = nullptr;

struct GiveBack {
  GiveBack() = default;
  ~GiveBack() {
    if (this_reader != nullptr) {
      std::exchange(this_reader, nullptr)->taken.store(false);
    }
  }
  GiveBack(const GiveBack&) = delete;
  GiveBack& operator=(const GiveBack&) = delete;
};

Reader& ThisReader() {
  if (this_reader == nullptr) {
    this_reader = TakeReader();  // not given back when a destructor is here
    [[maybe_unused]] thread_local GiveBack give_back;
  }
  return *this_reader;
}

std::atomic<Epoch>* SinceUnlessReading() {
  std::atomic<Epoch>& since = ThisReader().since;
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
  NEARHIT_CHECK(this_reader == nullptr || this_reader->since.load(std::memory_order_relaxed) == 0);
  const Epoch epoch = NewEpoch();
  while (!ReadersLeft(epoch)) {
    std::this_thread::yield();
  }
}

}  // namespace nearhit
