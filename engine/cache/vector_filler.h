// Vectors for entries that were stored while the embedder failed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "engine/collection/collection.h"
#include "engine/embedding/embedder_service.h"

namespace nearhit {

// A page that fails is followed by smaller ones that begin elsewhere: one text for which the
// embedder fails each time is soon alone.
//
// Thread-safety: thread-safe; rounds take turns.
class VectorFiller {
 public:
  // Stores the vectors of a page. False: there is no use in another page now.
  using Add = std::function<Result<bool>(std::span<const VectorAddition>)>;

  // `collection` must outlive the filler.
  VectorFiller(const Collection* collection, Add add);

  // Makes vectors for some of the entries that want one: half a second of work, and less after
  // failures in a row. Errors: those of `Add` and of storage. That the embedder fails is none.
  Status Round(EmbedderService* embedder) NEARHIT_EXCLUDES(mu_);

 private:
  // False when there is no use in another page now.
  Result<bool> FillPage(EmbedderService* embedder, std::span<const EntryId> ids) const;

  const Collection* const collection_;
  const Add add_;

  Mutex mu_;
  std::size_t page_ NEARHIT_GUARDED_BY(mu_) = 1;        // texts
  std::size_t begin_ NEARHIT_GUARDED_BY(mu_) = 0;       // among those that want a vector
  std::uint32_t failures_ NEARHIT_GUARDED_BY(mu_) = 0;  // in a row
  std::uint32_t rest_ NEARHIT_GUARDED_BY(mu_) = 0;      // rounds until the next try
};

}  // namespace nearhit
