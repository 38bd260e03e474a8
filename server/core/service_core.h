// What the daemon serves, whatever the transport: lanes, deadlines, limits and defaults around the
// public API. A transport parses requests, calls this, and writes answers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/database.h"
#include "server/config/config.h"
#include "server/core/answer_budget.h"
#include "server/core/backup.h"
#include "server/core/call_context.h"
#include "server/core/lane_pool.h"
#include "server/core/memory.h"

namespace nearhit::server {

struct ServerStats {
  std::uint64_t queued_calls = 0;
  std::uint64_t refused_calls = 0;  // for want of room in a queue
  std::uint64_t expired_calls = 0;  // past their deadline before they were done
};

// Errors are those of the library. Those that the server adds are said at each method.
//
// Thread-safety: thread-safe, but KeepHouse() and Stop() by one thread at a time.
class ServiceCore {
 public:
  // `db` must outlive the service. `model_folder` is the model of namespaces that name none
  // (server/config/model_folder.h); empty: none.
  ServiceCore(Database* db, const ServerOptions& options, std::string model_folder,
              BackupPlace backups = {});

  // Calls without a method here need nothing from the server.
  Database& db() { return *db_; }
  // Of all transports: counts the answers that clients have not taken.
  AnswerBudget& answers() { return answers_; }
  ServerStats Stats() const;

  // Why work for a call should not begin, or continue; OK when its caller waits.
  //
  // Errors: kDeadlineExceeded, which is counted; kCancelled.
  Status CheckWanted(const CallContext& call);
  // Queues `run`, which must ask CheckWanted() first, for a thread.
  //
  // Errors: kResourceExhausted when the queue of the lane is full; `run` is dropped.
  Status Submit(Lane lane, const CallContext& call, std::function<void()> run);

  // The lane of a call that embeds texts (`any_text`), or none, in this cache.
  Lane LaneOf(std::string_view cache, bool any_text);
  // SemanticCache::TryLookup. With options.non_blocking there is no rest.
  //
  // Errors: kWouldBlock: finish `rest` on a thread of LaneOf(*rest). kUnavailable when it would
  // block and options.non_blocking is set.
  Result<LookupResult> TryLookup(std::string_view cache, const Prompt& prompt,
                                 const LookupOptions& options,
                                 std::unique_ptr<PendingLookup>* rest);
  static Lane LaneOf(const PendingLookup& rest);
  // Ends early when nobody waits. Results are limited to a message.
  Result<std::vector<LookupResult>> LookupBatch(std::string_view cache,
                                                std::span<const Prompt> prompts,
                                                LookupOptions options, const CallContext& call);

  // Results are limited to a message; a batch ends early when nobody waits.
  Result<std::vector<VectorHit>> Search(std::string_view vectors, VectorView query,
                                        VectorSearchOptions options, const CallContext& call);
  Result<std::vector<std::vector<VectorHit>>> SearchBatch(std::string_view vectors,
                                                          VectorView queries,
                                                          VectorSearchOptions options,
                                                          const CallContext& call);
  // Errors: kResourceExhausted, before anything is embedded, when the vectors do not fit a message.
  Result<Embeddings> Embed(std::string_view ns, std::span<const std::string_view> texts,
                           TimePoint deadline);

  // An embedder that is not named is the server's model. Errors: kFailedPrecondition when a caller
  // names a credential and server.allow_embedder_keys is not set.
  Status CreateNamespace(const std::string& name, NamespaceConfig config);
  Status UpdateNamespace(const std::string& name, NamespaceUpdate update);

  BackupMaker& backups() { return backups_; }

  // Once a second or so: drops queued calls that nobody wants, returns freed memory to the system.
  void KeepHouse();
  // After the transports took their last call: finishes what is queued and flushes the database.
  // `closes`: the database is about to be closed, so that nothing waits for an embedder any longer.
  Status Stop(bool closes);

 private:
  Status CheckKeys(const EmbedderSpec& spec) const;
  std::function<Status()> StillWanted(const CallContext& call);

  Database* const db_;
  const std::size_t max_message_bytes_;
  const bool allow_embedder_keys_;
  const std::string model_folder_;
  BackupMaker backups_;
  LanePool pool_;
  AnswerBudget answers_;
  std::atomic<std::uint64_t> expired_calls_{0};
  MemoryTrimmer memory_;
};

}  // namespace nearhit::server
