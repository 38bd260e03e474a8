// nearhit::SemanticCache over an open namespace: validation at the edge, then the cache.

#include <utility>

#include "engine/database/namespace.h"
#include "engine/database/validate.h"

namespace nearhit {

namespace {

// The lookup holds no contents while it waits for its turn; it begins again on others.
class Pending final : public PendingLookup {
 public:
  Pending(std::shared_ptr<Namespace> space, const void* contents, const LookupOptions& options,
          LookupState lookup)
      : space_(std::move(space)),
        contents_(contents),
        options_(options),
        lookup_(std::move(lookup)) {
    options_.non_blocking = false;
  }

  bool waits_for_embedder() const override { return lookup_.stage == LookupState::Stage::kVector; }

  Result<LookupResult> Finish() override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    if (call.contents() != contents_) {
      lookup_ = LookupState(lookup_.prompt);
    }
    NEARHIT_RETURN_IF_ERROR(call.cache().Advance(options_, &lookup_));
    return std::move(lookup_.result);
  }

 private:
  const std::shared_ptr<Namespace> space_;
  const void* const contents_;
  LookupOptions options_;
  LookupState lookup_;
};

class CacheHandle final : public SemanticCache {
 public:
  explicit CacheHandle(std::shared_ptr<Namespace> space) : space_(std::move(space)) {}

  Result<LookupResult> Lookup(const Prompt& prompt, const LookupOptions& options) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckPrompt(prompt, call.record().config));
    NEARHIT_RETURN_IF_ERROR(CheckLookup(options, call.record().config));
    return call.cache().Lookup(prompt, options);
  }

  Result<LookupResult> TryLookup(const Prompt& prompt, const LookupOptions& options,
                                 std::unique_ptr<PendingLookup>* rest) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckPrompt(prompt, call.record().config));
    NEARHIT_RETURN_IF_ERROR(CheckLookup(options, call.record().config));
    LookupOptions trying = options;
    trying.non_blocking = true;
    LookupState lookup(prompt);
    Status done = call.cache().Advance(trying, &lookup);
    if (done.ok()) {
      return std::move(lookup.result);
    }
    if (done.code() == StatusCode::kWouldBlock) {
      *rest = std::make_unique<Pending>(space_, call.contents(), options, std::move(lookup));
    }
    return done;
  }

  Result<std::vector<LookupResult>> LookupBatch(std::span<const Prompt> prompts,
                                                const LookupOptions& options) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckBatch("prompts", prompts.size()));
    NEARHIT_RETURN_IF_ERROR(CheckLookup(options, call.record().config));
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      NEARHIT_RETURN_IF_ERROR(AtIndex("prompts", i, CheckPrompt(prompts[i], call.record().config)));
    }
    return call.cache().Lookup(prompts, options);
  }

  Result<StoreResult> Store(const StoreRequest& request) override {
    return Write([&](const Namespace::Call& call) -> Result<StoreResult> {
      NEARHIT_RETURN_IF_ERROR(
          CheckStore(request, call.record().config, space_->max_payload_bytes()));
      NEARHIT_ASSIGN_OR_RETURN(const std::vector<StoreResult> results,
                               call.cache().Store({&request, 1}));
      return results.front();
    });
  }

  Result<std::vector<StoreResult>> StoreBatch(std::span<const StoreRequest> requests) override {
    return Write([&](const Namespace::Call& call) -> Result<std::vector<StoreResult>> {
      NEARHIT_RETURN_IF_ERROR(CheckBatch("requests", requests.size()));
      for (std::size_t i = 0; i < requests.size(); ++i) {
        NEARHIT_RETURN_IF_ERROR(
            AtIndex("requests", i,
                    CheckStore(requests[i], call.record().config, space_->max_payload_bytes())));
      }
      return call.cache().Store(requests);
    });
  }

  Result<Entry> Get(EntryId id) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    return call.cache().Get(id);
  }

  Result<bool> Delete(EntryId id, Durability durability) override {
    return Write([&](const Namespace::Call& call) -> Result<bool> {
      NEARHIT_ASSIGN_OR_RETURN(
          const std::vector<EntryId> erased,
          call.cache().Erase({&id, 1}, IsSync(durability, call.record().config)));
      return !erased.empty();
    });
  }

  Result<InvalidateResult> Invalidate(const InvalidateRequest& request) override {
    return Write([&](const Namespace::Call& call) -> Result<InvalidateResult> {
      NEARHIT_RETURN_IF_ERROR(CheckInvalidate(request));
      return call.cache().Invalidate(request);
    });
  }

  Result<ScanPage> Scan(EntryId after, std::size_t limit) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckPage(limit));
    return call.cache().Scan(after, limit);
  }

  Result<LabelResult> Label(const LabelRequest& request) override {
    return Write([&](const Namespace::Call& call) -> Result<LabelResult> {
      NEARHIT_RETURN_IF_ERROR(CheckLabel(request, call.record().config));
      return call.cache().Label(request);
    });
  }

  Result<PolicyReport> Policy() override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    return call.cache().Report();
  }

  bool EmbedderMayBlock() const override {
    const Namespace::Call call(space_.get());
    if (!call.status().ok()) {
      return false;
    }
    const std::shared_ptr<EmbedderService> service = call.cache().embedder();
    return service != nullptr && service->embedder()->may_block();
  }

 private:
  // Calls `write`; again when the namespace got other contents (a re-embedding ended) before it had
  // written anything. kAborted says that, and nothing else does.
  template <typename Function>
  auto Write(Function write) -> decltype(write(std::declval<const Namespace::Call&>())) {
    while (true) {
      const Namespace::Call call(space_.get());
      NEARHIT_RETURN_IF_ERROR(call.status());
      auto result = write(call);
      if (result.status().code() != StatusCode::kAborted) {
        return result;
      }
    }
  }

  const std::shared_ptr<Namespace> space_;
};

}  // namespace

std::shared_ptr<SemanticCache> MakeCacheHandle(std::shared_ptr<Namespace> space) {
  return std::make_shared<CacheHandle>(std::move(space));
}

}  // namespace nearhit
