// A semantic cache over one namespace: the answer to a prompt that means the same.
//
// Get one from Database::Cache(name). Design: docs/architecture.md#life-of-a-lookup.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
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
};

std::string_view HitKindName(HitKind kind);          // "miss", "exact", "semantic"
std::string_view MissReasonName(MissReason reason);  // "none", "empty", "below_threshold", …

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
  // For the embedder; the lookup itself does not wait.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // Answer only if no disk read and no waiting embedder is needed; otherwise kUnavailable, at once
  // and with nothing counted. Lets an event loop try before it hands the lookup to a thread.
  bool only_if_fast = false;
  bool exact_only = false;  // skip the semantic tier
  // Asked between the prompts of a batch; the call ends with what is not OK. Empty: nobody is
  // asked.
  std::function<Status()> still_wanted{};
  // A batch whose answers have more bytes than this, or than kMaxResultBytes, is refused.
  std::size_t max_result_bytes = kMaxResultBytes;
};

// What was stored with an entry beside its answer.
struct EntryMetadata {
  std::string content_type{};  // of the answer, e.g. "application/json"
  std::string model{};
  std::uint32_t prompt_tokens = 0;
  std::uint32_t answer_tokens = 0;
  double cost = 0;  // in the caller's unit; what the answer cost to make
  std::vector<std::string> tags{};
};

struct LookupResult {
  HitKind kind = HitKind::kMiss;
  MissReason miss_reason = MissReason::kNone;

  // The best score seen: of the hit, in full precision, or of the nearest entry on a miss, which
  // may be off by the error of the int8 codes. Absent when no vector was compared. 1 for an exact
  // hit.
  std::optional<float> score{};

  // A hit only.
  EntryId id{};
  std::string answer{};
  EntryMetadata metadata{};
  std::string matched_slot{};  // the stored text that matched
  std::int64_t age_ms = 0;
  std::optional<std::int64_t> ttl_left_ms{};  // absent: no TTL
};

struct StoreRequest {
  Prompt prompt{};
  std::string_view answer{};  // <= DatabaseOptions::max_payload_bytes
  EntryMetadata metadata{};
  std::optional<std::int64_t>
      ttl_ms{};  // > 0; absent: the namespace's default. 0: none, if allowed
  Durability durability = Durability::kDefault;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

struct StoreResult {
  EntryId id{};
  bool replaced = false;    // the same scope and slot was stored before; its id is gone
  bool has_vector = false;  // false: exact tier only (no vector given, or the embedder failed)
  std::uint32_t evicted = 0;
};

// One stored entry, whole.
struct Entry {
  EntryId id{};
  std::string scope{};
  std::string slot{};
  std::string answer{};
  EntryMetadata metadata{};
  std::vector<float> vector{};  // empty: none stored
  std::int64_t created_us = 0;
  std::optional<std::int64_t> expires_us{};
};

// Entries that match every field that is set. At least one must be set, or `all`.
struct InvalidateRequest {
  std::optional<std::string> scope{};
  std::vector<std::string> tags{};  // all of them; costs O(entries with the rarest tag)
  std::optional<std::string> model{};
  std::optional<std::int64_t> older_than_ms{};  // created longer ago than this
  bool all = false;                             // the whole namespace
  bool dry_run = false;                         // count, delete nothing
};

struct InvalidateResult {
  std::uint64_t matched = 0;
  std::uint64_t deleted = 0;  // 0 for a dry run
};

struct ScanPage {
  std::vector<Entry> entries{};  // ascending by id
  EntryId next{};                // pass as `after` to go on; 0 when done
  // Entries among them that cannot be read whole, and are left out.
  std::vector<EntryId> damaged{};
};

// Thread-safety: thread-safe. Lookups never wait for stores.
// Ownership: keeps the database's storage open; methods fail with kNotFound once the namespace is
// dropped and with kUnavailable once the database is closed.
class SemanticCache {
 public:
  virtual ~SemanticCache() = default;
  SemanticCache(const SemanticCache&) = delete;
  SemanticCache& operator=(const SemanticCache&) = delete;

  // Looks for the prompt: exact tier, then meaning. A miss is not an error.
  //
  // Errors: kInvalidArgument for a bad field; kUnavailable, see only_if_fast. A failing embedder
  // and unreadable storage are misses with a reason, never errors. One that may wait and has failed
  // several times in a row is not asked for a while (docs/embedders.md), so that lookups do not
  // wait for what is down.
  virtual Result<LookupResult> Lookup(const Prompt& prompt, const LookupOptions& options) = 0;

  // Like Lookup for each prompt, the missing vectors made in as few embedder calls as possible.
  // Result i belongs to prompts[i]. Requires: at most kMaxBatch prompts.
  // kResourceExhausted when the answers have over kMaxResultBytes together: ask for fewer at a
  // time.
  virtual Result<std::vector<LookupResult>> LookupBatch(std::span<const Prompt> prompts,
                                                        const LookupOptions& options) = 0;

  // Stores an answer, replacing the one of the same scope and slot. On return it is found by Lookup
  // and durable at the level asked for. When the embedder fails, an entry that replaces one keeps
  // its vector, and another is stored for the exact tier only until maintenance has made its
  // vector.
  //
  // Errors: kInvalidArgument for a bad field; kResourceExhausted when it is over the namespace's
  // whole budget; kUnavailable when storage fails or the database is closed. On error nothing
  // changed.
  virtual Result<StoreResult> Store(const StoreRequest& request) = 0;

  // Like Store for each request in order, in one atomic write with the strictest durability asked
  // for. On error nothing changed. Requires: at most kMaxBatch requests, which fit the namespace's
  // budget together.
  virtual Result<std::vector<StoreResult>> StoreBatch(std::span<const StoreRequest> requests) = 0;

  // Errors: kNotFound when the id is not stored, or expired; kDataLoss when it cannot be read
  // whole.
  virtual Result<Entry> Get(EntryId id) = 0;

  // Returns false when there was no such entry. Once it returns, no lookup serves the entry.
  virtual Result<bool> Delete(EntryId id, Durability durability) = 0;

  // Errors: kInvalidArgument when no field is set. When an error comes in the middle, what was
  // deleted stays deleted.
  virtual Result<InvalidateResult> Invalidate(const InvalidateRequest& request) = 0;

  // Up to `limit` (1..kMaxPageSize) live entries with ids above `after`, fewer when they have over
  // kMaxResultBytes.
  virtual Result<ScanPage> Scan(EntryId after, std::size_t limit) = 0;

  // Whether a lookup or a store that brings no vector may wait for an embedder
  // (Embedder::may_block): a server gives such calls threads of their own.
  virtual bool EmbedderMayWait() const = 0;

 protected:
  SemanticCache() = default;
};

}  // namespace nearhit
