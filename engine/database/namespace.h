// A namespace that is open: its record, collection and cache, and the gate that calls pass.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/cache/cache.h"
#include "engine/collection/collection.h"
#include "engine/database/catalogue.h"
#include "nearhit/embedder.h"
#include "nearhit/options.h"
#include "nearhit/result.h"

namespace nearhit {

// What is open under one number.
struct Contents {
  std::unique_ptr<Collection> collection;
  std::unique_ptr<Cache> cache;  // null in a namespace of kind vectors
};

// Thread-safety: thread-safe. Calls run between Enter and the guard's end; Close waits for them.
class Namespace {
 public:
  Namespace(const Clock* clock, std::size_t max_payload_bytes, NamespaceRecord record,
            Contents contents);

  // Proof that a call is running: the contents stay while it lives. A thread holds at most one.
  class SCOPED_CAPABILITY Call {
   public:
    explicit Call(const Namespace* space) ACQUIRE_SHARED(space->gate_) : space_(space) {
      space_->gate_.LockShared();
    }
    ~Call() RELEASE_GENERIC() { space_->gate_.UnlockShared(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // The call itself holds the gate, which the analysis cannot see from inside its own members.

    // Not OK once the namespace was dropped or the database closed.
    Status status() const NO_THREAD_SAFETY_ANALYSIS {
      return space_->closed_code_ == StatusCode::kOk
                 ? Status()
                 : Status(space_->closed_code_, space_->closed_reason_);
    }
    const NamespaceRecord& record() const NO_THREAD_SAFETY_ANALYSIS { return space_->record_; }
    Collection& collection() const NO_THREAD_SAFETY_ANALYSIS {
      return *space_->contents_.collection;
    }
    Cache& cache() const NO_THREAD_SAFETY_ANALYSIS { return *space_->contents_.cache; }

   private:
    const Namespace* const space_;
  };

  // Refuses new calls with `reason`, waits for the running ones and lets go of the contents.
  void Close(const Status& reason);
  // Replaces the configuration (cache and record take the new one).
  void Configure(const NamespaceRecord& record, std::shared_ptr<const Embedder> embedder);
  // Replaces the contents after re-embedding; returns the old ones.
  Contents Swap(const NamespaceRecord& record, Contents contents);

  // While set, writes get kUnavailable. Returns false when it was set already.
  bool BeginReembedding() { return !reembedding_.exchange(true); }
  void EndReembedding() { reembedding_.store(false); }
  // Waits until no call that began before this one is running.
  void Drain() const;
  Status CheckWritable() const;

  const Clock& clock() const { return *clock_; }
  std::size_t max_payload_bytes() const { return max_payload_bytes_; }

 private:
  const Clock* const clock_;
  const std::size_t max_payload_bytes_;
  std::atomic<bool> reembedding_{false};

  mutable SharedMutex gate_;
  StatusCode closed_code_ GUARDED_BY(gate_) = StatusCode::kOk;
  std::string closed_reason_ GUARDED_BY(gate_);
  NamespaceRecord record_ GUARDED_BY(gate_);
  Contents contents_ GUARDED_BY(gate_);
};

// The public handles; they hold the namespace, and outlive it as errors.
std::shared_ptr<SemanticCache> MakeCacheHandle(std::shared_ptr<Namespace> space);
std::shared_ptr<VectorStore> MakeVectorsHandle(std::shared_ptr<Namespace> space);

}  // namespace nearhit
