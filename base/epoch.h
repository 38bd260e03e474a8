// Memory that is read without a lock: when a writer may use again what readers might still look at.
//
// Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004). A reader says when it began; a
// writer first puts out of reach what it wants back, begins a new epoch, and waits for the readers
// of earlier ones. A reader that begins later cannot come to what was put out of reach. Readers
// never wait; whoever waits for them waits for one read section each.
#pragma once

#include <atomic>
#include <cstdint>

namespace nearhit {

using Epoch = std::uint64_t;

// While one exists, its thread may use what it comes to. Short: no disk, no network, no lock that
// anybody holds while waiting for readers. One in another of the same thread adds nothing.
class ReadSection {
 public:
  ReadSection();
  ~ReadSection();
  ReadSection(const ReadSection&) = delete;
  ReadSection& operator=(const ReadSection&) = delete;

 private:
  std::atomic<Epoch>* const since_;  // of this thread; null when there is an outer section
};

// All read sections of the process take part, whatever they read. What follows is thread-safe.

// To be called after something was put out of reach. Its memory may be used again once
// ReadersLeft(the result).
Epoch NewEpoch();
// Whether no read section is left that began before the epoch did.
bool ReadersLeft(Epoch epoch);
// Begins one and waits for them. Not for a thread in a read section: it would wait for itself.
void WaitForReaders();

}  // namespace nearhit
