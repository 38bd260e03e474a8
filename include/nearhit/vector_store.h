// A vector store over one namespace: keys, vectors, payloads, tags; no cache semantics.
//
// Get one from Database::Vectors(name).
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

// One vector to store. Views must outlive the call.
struct UpsertRequest {
  std::string_view key{};      // 1..kMaxKeyBytes, valid UTF-8; the same key replaces
  VectorView vector{};         // exactly the namespace's dimension
  std::string_view payload{};  // any bytes, <= DatabaseOptions::max_payload_bytes
  std::vector<std::string> tags{};
  std::optional<std::int64_t> ttl_ms{};  // as in StoreRequest
};

struct VectorHit {
  EntryId id{};
  float score = 0;
  std::string key{};
  std::string payload{};            // empty unless asked for
  std::vector<std::string> tags{};  // empty unless the payload was asked for
};

// Which entries a search may return; evaluated inside the search, so k matching ones are found
// whenever k exist.
struct TagFilter {
  std::vector<std::string> all_of{};   // has every one of these
  std::vector<std::string> any_of{};   // and, when not empty, at least one of these
  std::vector<std::string> none_of{};  // and none of these

  bool empty() const { return all_of.empty() && any_of.empty() && none_of.empty(); }
};

struct VectorSearchOptions {
  std::size_t k = 10;                // 1..kMaxNeighbors
  std::optional<float> min_score{};  // results below are left out; at most 1 under cosine and l2
  TagFilter filter{};
  // Candidates that a graph search keeps: more finds more and costs more. 0: chosen from k.
  std::size_t ef = 0;
  bool with_payload = false;
  SearchExplanation* explanation = nullptr;  // filled by Search; of the last query by SearchBatch
  // A search gives up once it has passed: kDeadlineExceeded.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // As in LookupOptions, between queries; the bytes are those of all hits.
  std::function<Status()> still_wanted{};
  std::size_t max_result_bytes = kMaxResultBytes;
};

struct VectorEntry {
  EntryId id{};
  std::string key{};
  std::vector<float> vector{};
  std::string payload{};
  std::vector<std::string> tags{};
  std::int64_t created_us = 0;
  std::optional<std::int64_t> expires_us{};
};

struct VectorPage {
  std::vector<VectorEntry> entries{};  // ascending by id
  EntryId next{};                      // as ScanPage::next
  // Entries among them that cannot be read whole, and are left out.
  std::vector<EntryId> damaged{};
};

// Thread-safety: thread-safe. Searches never wait for upserts.
class VectorStore {
 public:
  virtual ~VectorStore() = default;
  VectorStore(const VectorStore&) = delete;
  VectorStore& operator=(const VectorStore&) = delete;

  // Stores the requests in one atomic write; result i is the id of requests[i].
  //
  // Errors: kInvalidArgument names the request's index and field; kResourceExhausted over the
  // namespace's budget, in which what is replaced makes room. On error nothing changed.
  virtual Result<std::vector<EntryId>> Upsert(std::span<const UpsertRequest> requests,
                                              Durability durability) = 0;

  // The best matches of `query`, best first; ties by lower id. Scores are in full precision.
  // Entries that cannot be read whole are left out and counted (NamespaceStats::read_errors).
  //
  // Errors: kInvalidArgument for a bad field; kResourceExhausted when the hits have over
  // kMaxResultBytes.
  virtual Result<std::vector<VectorHit>> Search(VectorView query,
                                                const VectorSearchOptions& options) = 0;

  // Searches for each row of `queries` (rows * dimension floats). kMaxResultBytes is for all of
  // them.
  virtual Result<std::vector<std::vector<VectorHit>>> SearchBatch(
      VectorView queries, const VectorSearchOptions& options) = 0;

  // Errors: kNotFound; kDataLoss.
  virtual Result<VectorEntry> Get(std::string_view key) = 0;
  virtual Result<VectorEntry> GetById(EntryId id) = 0;

  // Deletes by key; returns how many were there. In batches of some hundred: when an error comes in
  // the middle, what was deleted stays deleted.
  virtual Result<std::uint64_t> Delete(std::span<const std::string_view> keys,
                                       Durability durability) = 0;

  // Up to `limit` (1..kMaxPageSize) live entries with ids above `after`, fewer when they have over
  // kMaxResultBytes.
  virtual Result<VectorPage> Scan(EntryId after, std::size_t limit) = 0;

 protected:
  VectorStore() = default;
};

}  // namespace nearhit
