// A semantic cache over one namespace: the answer to a prompt that means the same.
//
// Get one from Database::Cache(name). Design: docs/architecture.md#life-of-a-lookup.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/label.h"
#include "nearhit/lookup.h"
#include "nearhit/result.h"
#include "nearhit/types.h"

namespace nearhit {

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
  std::vector<std::string> tags{};  // all of them; costs O(entries that have them)
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
  // Pass as `after` for the next page; 0 after the last. A page before it may be empty: its entries
  // expired or were replaced meanwhile.
  EntryId next{};
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
  // Errors: kInvalidArgument for a bad field; kWouldBlock, see non_blocking. A failing embedder
  // and unreadable storage are misses with a reason, never errors. One that may wait and has failed
  // several times in a row is not asked for a while (docs/embedders.md), so that lookups do not
  // wait for what is down.
  virtual Result<LookupResult> Lookup(const Prompt& prompt, const LookupOptions& options) = 0;

  // For a thread that must not wait: the lookup as far as it goes without. Under kWouldBlock
  // `rest` is what is left of it, for a thread that may; the views of `prompt` must outlive it.
  // Errors: as Lookup.
  virtual Result<LookupResult> TryLookup(const Prompt& prompt, const LookupOptions& options,
                                         std::unique_ptr<PendingLookup>* rest) = 0;

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

  // Says whether the answer of an entry serves a prompt. Durable when it returns: a pair that is
  // wrong is not served from the next lookup on, as long as the label is kept. What else is learnt
  // of it follows with the next maintenance. The embedder is asked for vectors that are not given
  // or stored.
  //
  // Errors: kInvalidArgument for a bad field, or an entry of another scope; kNotFound when the
  // entry is not stored; kFailedPrecondition when it is stored under this very prompt (delete it);
  // kResourceExhausted for feedback of a principal that comes too fast; kUnavailable.
  // On error nothing changed.
  virtual Result<LabelResult> Label(const LabelRequest& request) = 0;

  // What decides whether an entry is served, and how right it is. Cost: a look at each label.
  virtual Result<PolicyReport> Policy() = 0;

  // Whether a lookup or a store that brings no vector may wait for an embedder
  // (Embedder::may_block): a server gives such calls threads of their own.
  virtual bool EmbedderMayBlock() const = 0;

 protected:
  SemanticCache() = default;
};

}  // namespace nearhit
