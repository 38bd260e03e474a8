// A namespace that is open: its record, collection and cache, and the gate that calls pass.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/cache/cache.h"
#include "engine/collection/collection.h"
#include "engine/database/catalogue.h"
#include "engine/vectors/vectors.h"
#include "nearhit/embedder.h"
#include "nearhit/options.h"
#include "nearhit/result.h"

namespace nearhit {

// What is open under one number.
struct Contents {
  std::unique_ptr<Collection> collection;
  // One of the two, by the kind of the namespace.
  std::unique_ptr<Cache> cache;
  std::unique_ptr<Vectors> vectors;
};

inline bool IsSync(Durability asked, const NamespaceConfig& config) {
  return (asked == Durability::kDefault ? config.durability : asked) == Durability::kSync;
}

// Contents are read through a Call, which keeps them in place. Configure and Publish put a record,
// or other contents, there without waiting for anyone: calls that run go on with what they began
// with.
//
// Thread-safety: thread-safe, but Close, Configure and Publish one at a time; so are Publish and
// Retire.
class Namespace {
 private:
  struct Version {
    Version(NamespaceRecord with, Contents and_contents)
        : record(std::make_shared<const NamespaceRecord>(std::move(with))),
          contents(std::move(and_contents)) {}

    std::shared_ptr<const NamespaceRecord> Record() {
      MutexLock lock(&record_mu);
      return record;
    }

    Mutex record_mu;
    std::shared_ptr<const NamespaceRecord> record NEARHIT_GUARDED_BY(record_mu);
    SharedMutex gate;  // held shared by every call on these contents
    StatusCode closed_code NEARHIT_GUARDED_BY(gate) = StatusCode::kOk;
    std::string closed_reason NEARHIT_GUARDED_BY(gate);
    Contents contents NEARHIT_GUARDED_BY(gate);
  };

 public:
  Namespace(const Clock* clock, std::size_t max_payload_bytes, NamespaceRecord record,
            Contents contents);

  // Proof that a call is running: the contents stay while it lives. A thread holds at most one.
  // (The analysis of locks does not see that it holds the gate of its version.)
  class Call {
   public:
    explicit Call(const Namespace* space)
        : version_(space->Enter()), record_(version_->Record()), closing_(&space->closing()) {}
    ~Call() NEARHIT_NO_THREAD_SAFETY_ANALYSIS { version_->gate.UnlockShared(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // Not OK once the namespace was dropped or the database closed.
    Status status() const NEARHIT_NO_THREAD_SAFETY_ANALYSIS {
      return version_->closed_code == StatusCode::kOk
                 ? Status()
                 : Status(version_->closed_code, version_->closed_reason);
    }
    // Set once the namespace is being dropped or the database closed: work that takes long and that
    // nobody waits for ends soon.
    const std::atomic<bool>& closing() const { return *closing_; }
    // The same one as long as the call lives.
    const NamespaceRecord& record() const { return *record_; }
    Collection& collection() const NEARHIT_NO_THREAD_SAFETY_ANALYSIS {
      return *version_->contents.collection;
    }
    Cache& cache() const NEARHIT_NO_THREAD_SAFETY_ANALYSIS { return *version_->contents.cache; }
    Vectors& vectors() const NEARHIT_NO_THREAD_SAFETY_ANALYSIS {
      return *version_->contents.vectors;
    }
    // Whether both are on the same contents.
    const void* contents() const { return version_; }

   private:
    Version* const version_;
    const std::shared_ptr<const NamespaceRecord> record_;
    const std::atomic<bool>* const closing_;
  };

  // Refuses new calls with `reason`, waits for the running ones and lets go of the contents.
  void Close(const Status& reason);
  // Calls that begin from now on find this configuration, in the record and in the cache. Without
  // an embedder the cache keeps its own.
  void Configure(const NamespaceRecord& record,
                 const std::optional<std::shared_ptr<const Embedder>>& embedder = std::nullopt);

  // Calls that begin from now on find `contents`.
  void Publish(const NamespaceRecord& record, Contents contents);
  // Waits for the calls that found earlier contents, and lets go of those.
  void Retire();

  // Asks for work of the background to end; for those who are about to Close it.
  void StopWork() { closing_.store(true, std::memory_order_relaxed); }
  const std::atomic<bool>& closing() const { return closing_; }

  const Clock& clock() const { return *clock_; }
  std::size_t max_payload_bytes() const { return max_payload_bytes_; }

 private:
  // The current version, with its gate held shared.
  Version* Enter() const NEARHIT_NO_THREAD_SAFETY_ANALYSIS;

  const Clock* const clock_;
  const std::size_t max_payload_bytes_;
  std::atomic<bool> closing_{false};

  // All there ever were, the current one last: a call that is late may still look at the gate of
  // an earlier one. Those are empty, and as rare as changes of an embedder.
  std::vector<std::unique_ptr<Version>> versions_;
  std::atomic<Version*> current_;
};

// The public handles; they hold the namespace, and outlive it as errors.
std::shared_ptr<SemanticCache> MakeCacheHandle(std::shared_ptr<Namespace> space);
std::shared_ptr<VectorStore> MakeVectorsHandle(std::shared_ptr<Namespace> space);

}  // namespace nearhit
