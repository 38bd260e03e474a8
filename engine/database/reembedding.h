// One namespace on its way to another embedder: its entries are copied, with vectors made anew from
// their texts, into contents of their own, while the old ones serve. Life of a re-embedding:
// docs/architecture.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "engine/collection/collection.h"
#include "engine/database/catalogue.h"
#include "engine/database/namespace.h"
#include "engine/embedding/embedder_service.h"
#include "nearhit/embedder.h"
#include "nearhit/result.h"
#include "nearhit/stats.h"

namespace nearhit {

// An id names its entry for good, so the copy is complete when both sides have the same ids. It is
// brought there by going once through the ids of both, then through those that came or went since
// (ChangeRecorder), until the rest takes but a moment; whoever keeps writes out lets it do
// that.
//
// Everything that is done is in storage: another object for the same change goes on there.
//
// Thread-safety: Advance, CatchUp, Finish, WriteSnapshots and ScheduleNext by one thread at a time;
// Cancel and Info by any.
class Reembedding {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using OpenCollection =
      std::function<Result<std::unique_ptr<Collection>>(const PendingReembedding& change)>;

  // `embedder` may be null: it is made when the work begins. `open` opens the contents that are to
  // be filled. No work is done yet.
  Reembedding(std::string name, std::shared_ptr<Namespace> space, PendingReembedding change,
              std::shared_ptr<const Embedder> embedder, OpenCollection open);
  ~Reembedding();
  Reembedding(const Reembedding&) = delete;
  Reembedding& operator=(const Reembedding&) = delete;

  // One page of work. True when so few entries are left that CatchUp should do them.
  // Errors: kCancelled; what makes the embedder, it and storage fail with. What was done stays
  // done, and the next call goes on.
  Result<bool> Advance();

  // Copies what is left from `old`, the namespace's contents. False when it is too much, and
  // Advance has to go on; true when the copy is complete. Errors: as Advance. Requires: nobody
  // writes to the namespace until the switch.
  Result<bool> CatchUp(Collection& old);

  // The complete copy and what made its vectors. Requires: CatchUp() has just returned true.
  std::unique_ptr<Collection> Finish();
  const std::shared_ptr<const Embedder>& embedder() const { return embedder_; }

  // When this returns, nothing is written to the copy any more.
  void Cancel();

  // Whoever waits for the embedder does so no longer. By any thread.
  void StopWaiting();

  // So that the next start finds the vectors that are there faster.
  Status WriteSnapshots();

  // Remembers how a piece of work ended and when the next is due: at once, or after `first_wait`,
  // twice as long after each further failure. Returns whether this is a failure of another kind
  // than the one before.
  bool ScheduleNext(const Status& status, std::chrono::milliseconds first_wait);
  TimePoint due() const { return due_; }

  // `total` is left to the caller, who knows the namespace.
  ReembeddingInfo Info() const;

  Namespace& space() const { return *space_; }
  const std::string& name() const { return name_; }
  const PendingReembedding& change() const { return change_; }
  // Entries that could not be copied, because their stored bytes are damaged.
  std::size_t unreadable() const { return unreadable_.size(); }

 private:
  enum class Pass : std::uint8_t {
    kOld,      // every id of the namespace: those that the copy lacks
    kNew,      // every id of the copy: those that are gone from the namespace
    kChanges,  // ids that came or went since the passes began
  };
  struct Page;

  // `old` is the collection that is copied.
  Status CheckRunning() const;
  Status Prepare();
  Status Refill(Collection& old);
  Status TakeChanges(Collection& old);
  void Begin(Pass pass);
  void Enqueue(const Collection& old, std::span<const EntryId> ids);
  // So many can be left for CatchUp.
  std::size_t CatchUpLimit() const;
  Result<Page> ReadPage(const Collection& old);
  Status ReadEntry(const Collection& old, EntryId id, Page* page);
  Status ApplyPage(const Page& page, TimePoint deadline);
  Status EraseFromCopy(std::span<const EntryId> ids);
  Status Copy(const Page& page, TimePoint deadline);

  // Constant after construction.
  const std::shared_ptr<Namespace> space_;
  const std::string name_;
  const PendingReembedding change_;
  const OpenCollection open_;

  // Of the thread that works.
  std::shared_ptr<const Embedder> embedder_;
  Pass pass_ = Pass::kOld;
  EntryId cursor_;
  std::deque<EntryId> pending_;               // ascending
  std::size_t page_size_;                     // in one page, at present
  std::size_t rounds_ = 0;                    // of changes
  std::unique_ptr<EmbedderService> service_;  // of embedder_; null until the work begins
  bool retry_unpaused_ = false;  // CatchUp has failed: try the embedder while nobody waits for it
  std::chrono::nanoseconds text_time_;  // what one entry takes, embedding and writing
  std::unordered_set<std::uint64_t> unreadable_;
  TimePoint due_{};
  int failures_ = 0;

  mutable Mutex mu_;  // held while the copy is written to
  bool cancelled_ NEARHIT_GUARDED_BY(mu_) = false;
  bool stopped_ NEARHIT_GUARDED_BY(mu_) = false;
  std::shared_ptr<const Embedder> asked_ NEARHIT_GUARDED_BY(mu_);  // embedder_
  std::unique_ptr<Collection> copy_ NEARHIT_GUARDED_BY(mu_);       // null until the work begins
  Collection* target_ = nullptr;  // copy_, for the thread that works
  std::string last_error_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
