#include "server/core/service_core.h"

#include <chrono>
#include <utility>

#include "server/config/model_folder.h"

namespace nearhit::server {

ServiceCore::ServiceCore(Database* db, const ServerOptions& options, std::string model_folder,
                         BackupPlace backups)
    : db_(db),
      max_message_bytes_(options.max_message_bytes),
      allow_embedder_keys_(options.allow_embedder_keys),
      model_folder_(std::move(model_folder)),
      backups_(db, std::move(backups)),
      pool_(options.workers, options.max_queue, options.memory_quota_bytes),
      answers_(options.memory_quota_bytes) {
}

ServerStats ServiceCore::Stats() const {
  return {.queued_calls = pool_.queued(),
          .refused_calls = pool_.refused(),
          .expired_calls = expired_calls_.load(std::memory_order_relaxed)};
}

Status ServiceCore::CheckWanted(const CallContext& call) {
  if (std::chrono::steady_clock::now() >= call.deadline) {
    expired_calls_.fetch_add(1, std::memory_order_relaxed);
    return DeadlineExceeded("the deadline passed before the call was done");
  }
  if (call.cancelled && call.cancelled()) {
    return Status(StatusCode::kCancelled, "the call was cancelled");
  }
  return Status();
}

Status ServiceCore::Submit(Lane lane, const CallContext& call, std::function<void()> run) {
  const bool queued = pool_.Submit(lane, {.run = std::move(run),
                                          .deadline = call.deadline,
                                          .bytes = call.request_bytes,
                                          .cancelled = call.cancelled});
  return queued ? Status() : ResourceExhausted("the server's queue is full; retry with backoff");
}

std::function<Status()> ServiceCore::StillWanted(const CallContext& call) {
  return [this, call] { return CheckWanted(call); };
}

Lane ServiceCore::LaneOf(std::string_view cache, bool any_text) {
  if (!any_text) {
    return Lane::kStorage;
  }
  const auto found = db_->Cache(cache);
  return found.ok() && (*found)->EmbedderMayBlock() ? Lane::kEmbedding : Lane::kStorage;
}

Lane ServiceCore::LaneOf(const PendingLookup& rest) {
  return rest.waits_for_embedder() ? Lane::kEmbedding : Lane::kStorage;
}

Result<LookupResult> ServiceCore::TryLookup(std::string_view cache, const Prompt& prompt,
                                            const LookupOptions& options,
                                            std::unique_ptr<PendingLookup>* rest) {
  NEARHIT_ASSIGN_OR_RETURN(const auto found, db_->Cache(cache));
  Result<LookupResult> result = found->TryLookup(prompt, options, rest);
  if (options.non_blocking && result.status().code() == StatusCode::kWouldBlock) {
    rest->reset();
    return Unavailable(std::string(result.status().message()));
  }
  return result;
}

Result<std::vector<LookupResult>> ServiceCore::LookupBatch(std::string_view cache,
                                                           std::span<const Prompt> prompts,
                                                           LookupOptions options,
                                                           const CallContext& call) {
  NEARHIT_ASSIGN_OR_RETURN(const auto found, db_->Cache(cache));
  options.still_wanted = StillWanted(call);
  options.max_result_bytes = max_message_bytes_;
  return found->LookupBatch(prompts, options);
}

Result<std::vector<VectorHit>> ServiceCore::Search(std::string_view vectors, VectorView query,
                                                   VectorSearchOptions options,
                                                   const CallContext& call) {
  NEARHIT_ASSIGN_OR_RETURN(const auto found, db_->Vectors(vectors));
  options.deadline = call.deadline;
  options.max_result_bytes = max_message_bytes_;
  return found->Search(query, options);
}

Result<std::vector<std::vector<VectorHit>>> ServiceCore::SearchBatch(std::string_view vectors,
                                                                     VectorView queries,
                                                                     VectorSearchOptions options,
                                                                     const CallContext& call) {
  NEARHIT_ASSIGN_OR_RETURN(const auto found, db_->Vectors(vectors));
  options.deadline = call.deadline;
  options.max_result_bytes = max_message_bytes_;
  options.still_wanted = StillWanted(call);
  return found->SearchBatch(queries, options);
}

Result<Embeddings> ServiceCore::Embed(std::string_view ns, std::span<const std::string_view> texts,
                                      TimePoint deadline) {
  NEARHIT_ASSIGN_OR_RETURN(const NamespaceInfo info, db_->DescribeNamespace(ns));
  const std::size_t bytes = texts.size() * info.config.dimension * sizeof(float);
  if (bytes > max_message_bytes_) {
    return ResourceExhausted("the vectors of " + std::to_string(texts.size()) + " texts have " +
                             std::to_string(bytes) + " bytes, the limit is " +
                             std::to_string(max_message_bytes_) + ": ask for fewer at a time");
  }
  return db_->Embed(ns, texts, deadline);
}

// A caller who names both a file and a URL could have the server send the one to the other.
Status ServiceCore::CheckKeys(const EmbedderSpec& spec) const {
  return allow_embedder_keys_ || (spec.api_key_env.empty() && spec.api_key_file.empty())
             ? Status()
             : FailedPrecondition(
                   "embedder.api_key_env and embedder.api_key_file are refused in calls; declare "
                   "the namespace in the server's configuration or set server.allow_embedder_keys");
}

Status ServiceCore::CreateNamespace(const std::string& name, NamespaceConfig config) {
  NEARHIT_RETURN_IF_ERROR(CheckKeys(config.embedder));
  NEARHIT_RETURN_IF_ERROR(CompleteNamespace(model_folder_, &config));
  return db_->CreateNamespace(name, config);
}

Status ServiceCore::UpdateNamespace(const std::string& name, NamespaceUpdate update) {
  if (update.embedder) {
    NEARHIT_RETURN_IF_ERROR(CheckKeys(*update.embedder));
    NEARHIT_RETURN_IF_ERROR(CompleteEmbedder(model_folder_, &*update.embedder));
  }
  return db_->UpdateNamespace(name, update);
}

void ServiceCore::KeepHouse() {
  pool_.DropUnwanted();
  const auto now = std::chrono::steady_clock::now();
  if (memory_.IsDue(answers_.TakeReleased(), ResidentBytes(), now)) {
    TrimMemory();
    memory_.Trimmed(ResidentBytes(), now);
  }
}

Status ServiceCore::Stop(bool closes) {
  if (closes) {
    db_->StopWaiting();
  }
  pool_.Stop();
  return db_->Flush();
}

}  // namespace nearhit::server
