// The way of a lookup: the very text, then what is near it. Design:
// docs/architecture.md#life-of-a-lookup.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "engine/cache/cache_settings.h"
#include "engine/cache/entry_tracking.h"
#include "engine/cache/lookup_state.h"
#include "engine/collection/collection.h"
#include "engine/collection/read_context.h"
#include "nearhit/lookup.h"

namespace nearhit {

// Takes lookups through the stages of LookupState, for one call.
//
// Thread-safety: owned by one thread. All arguments must outlive it.
class LookupPipeline {
 public:
  LookupPipeline(const Collection* collection, const Clock* clock, EntryTracking* tracking,
                 const CacheSettings* settings, const LookupOptions* options);

  // Errors: kWouldBlock under options.non_blocking, after which another pipeline goes on where this
  // one stopped; kDeadlineExceeded; kResourceExhausted for results over options.max_result_bytes;
  // that of options.still_wanted. What cannot be read is a miss.
  Status Run(std::span<LookupState> lookups);

 private:
  // In this order. Each may return kWouldBlock.
  Status TryExact(LookupState* lookup);
  Status TryAlias(LookupState* lookup);
  Status MakeVectors(std::span<LookupState> lookups);
  Status EmbedTexts(std::span<const std::string_view> texts, std::span<LookupState> lookups);
  Status TrySemantic(LookupState* lookup);
  Status FindCandidates(float least, LookupState* lookup);
  Status JudgeCandidates(float least, LookupState* lookup);
  bool JudgeEntry(const ScoredEntry& candidate, StoredEntry entry, LookupState* lookup);
  Verdict VerdictOn(const ScoredEntry& candidate, const StoredEntry& entry,
                    const LookupState& lookup) const;

  // Returns kWouldBlock and kDeadlineExceeded; counts any other error and makes it a miss.
  Status RecordReadError(Status error, LookupResult* result);
  bool IsExpired(const StoredEntry& entry) const;
  void Serve(HitKind kind, std::optional<float> score, StoredEntry entry, LookupResult* result);
  void Count(const LookupResult& result);

  const Collection& collection_;
  const Clock& clock_;
  EntryTracking& tracking_;
  const CacheSettings& settings_;
  const LookupOptions& options_;
  const ReadContext context_;
};

}  // namespace nearhit
