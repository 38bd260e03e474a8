// A lookup: what is asked, what is answered, and how the answer was found.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"
#include "nearhit/types.h"

namespace nearhit {

enum class HitKind : std::uint8_t { kMiss = 0, kExact = 1, kSemantic = 2 };

// Why a lookup was a miss. Values travel over gRPC; do not renumber.
enum class MissReason : std::uint8_t {
  kNone = 0,   // it was a hit
  kEmpty = 1,  // nothing is stored in this scope
  // The nearest entry is not close enough, and `score` says how close; without a score nothing was
  // compared (exact_only, or no entry of the scope has a vector).
  kBelowThreshold = 2,
  kNoVector = 3,     // no exact match, and neither the caller nor an embedder gave a vector
  kEmbedFailed = 4,  // the embedder failed or ran out of time; only the exact tier was asked
  kExpired = 5,      // what matched had expired
  kReadError = 6,    // what matched, or could have, was not read back whole; counted, see stats
  // No exact match, and the embedder could not read the text as a whole: it is longer than the
  // model reads, or has what its vocabulary lacks. Counted, see stats.
  kTextNotRead = 7,
  kOverBudget = 9,  // too likely to be answered wrongly for the namespace's max_error
  kGuarded = 8,     // a guard refused what is near; LookupResult::rule names it
  kLabelled = 10,   // labels say that what is near does not serve
};
// By value. A value of nearhit.v1.MissReason is MISS_REASON_ and the name in capitals.
inline constexpr std::array<std::string_view, 11> kMissReasonNames = {
    "none",       "empty",         "below_threshold", "no_vector",   "embed_failed", "expired",
    "read_error", "text_not_read", "guarded",         "over_budget", "labelled"};

std::string_view HitKindName(HitKind kind);  // "miss", "exact", "semantic"
// "unknown" for a value that has no name.
constexpr std::string_view MissReasonName(MissReason reason) {
  const auto index = static_cast<std::size_t>(reason);
  return index < kMissReasonNames.size() ? kMissReasonNames[index] : "unknown";
}

// Where a text is looked up or stored. `scope` is everything that must match exactly (model, system
// prompt, tools, sampling parameters, earlier turns) as bytes that the caller made canonical;
// `slot` is the text that may match by meaning. Views must outlive the call.
struct Prompt {
  std::string_view scope{};  // <= kMaxScopeBytes, any bytes; may be empty
  std::string_view slot{};   // 1..kMaxSlotBytes, valid UTF-8
  VectorView vector{};       // empty: the namespace's embedder makes one
};

struct LookupOptions {
  // At least the namespace's threshold, or it has no effect; at most 1 under cosine and l2.
  std::optional<float> min_score{};
  // Once it has passed, an embedder gives up (a miss with kEmbedFailed), and so does a search of
  // vectors (kDeadlineExceeded). An exact hit does not look at it.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // Answer only if no wait for a disk or an embedder is needed; otherwise kWouldBlock, at once and
  // with nothing counted. See also SemanticCache::TryLookup.
  bool non_blocking = false;
  bool exact_only = false;  // skip the semantic tier
  bool explain = false;     // fill LookupResult::trace
  // Called between the prompts of a batch; a status that is not OK ends the batch and is its
  // result. Empty: never ends early.
  std::function<Status()> still_wanted{};
  // A batch whose answers have more bytes than this, or than kMaxResultBytes, is refused.
  std::size_t max_result_bytes = kMaxResultBytes;
};

// What was stored with an entry in addition to its answer.
struct EntryMetadata {
  std::string content_type{};  // of the answer, e.g. "application/json"
  std::string model{};
  std::uint32_t prompt_tokens = 0;
  std::uint32_t answer_tokens = 0;
  double cost = 0;  // in the caller's unit; what the answer cost to make
  std::vector<std::string> tags{};
};

// What a lookup did. Times are in microseconds.
struct LookupTrace {
  // An entry that was near enough to be read, in the order in which they were judged.
  struct Candidate {
    EntryId id{};
    float score = 0;
    bool served = false;
    MissReason reason = MissReason::kNone;  // when it was not served
    std::string rule{};                     // the rule of the serving policy that decided
  };

  bool scope_found = false;        // entries are stored in the scope
  bool embedded = false;           // the embedder was asked for the vector
  SearchExplanation search{};      // of the last search; `entries` is 0 when there was none
  std::uint32_t searches = 0;      // more than one: what was found first had expired
  std::int64_t exact_us = 0;       // the scope and the exact tier
  std::int64_t embed_us = 0;       // the vector
  std::int64_t candidates_us = 0;  // searches, reads of candidates and their verdicts
  std::vector<Candidate> candidates{};
};

struct LookupResult {
  HitKind kind = HitKind::kMiss;
  MissReason miss_reason = MissReason::kNone;

  // The best score seen: of the hit, in full precision, or of the nearest entry on a miss, which
  // may be off by the error of the int8 codes. Absent when no vector was compared. 1 for an exact
  // hit.
  std::optional<float> score{};

  // The rule that decided: "threshold", "budget", "label", or the name of a guard. Empty when none
  // was asked.
  std::string rule{};

  // The entry that is served, or of a miss the one that came nearest to it and that no guard or
  // label refused: what a label may be given to. 0: there was none.
  EntryId candidate{};

  // A hit only.
  EntryId id{};
  std::string answer{};
  EntryMetadata metadata{};
  std::string matched_slot{};  // the stored text that matched
  std::int64_t age_ms = 0;
  std::optional<std::int64_t> ttl_left_ms{};  // absent: no TTL

  std::shared_ptr<const LookupTrace> trace{};  // null unless LookupOptions::explain
};

// A lookup that stopped before it had to wait, and continues from there. Nothing was counted yet.
//
// Thread-safety: externally synchronized; any thread may finish it, or drop it.
class PendingLookup {
 public:
  virtual ~PendingLookup() = default;
  PendingLookup(const PendingLookup&) = delete;
  PendingLookup& operator=(const PendingLookup&) = delete;

  // Whether it has to wait for the embedder, rather than for storage.
  virtual bool waits_for_embedder() const = 0;
  // Once. Errors: those of SemanticCache::Lookup.
  virtual Result<LookupResult> Finish() = 0;

 protected:
  PendingLookup() = default;
};

}  // namespace nearhit
