// nearhit::VectorStore over an open namespace: validation at the edge, then the vector store.

#include <utility>

#include "engine/database/namespace.h"
#include "engine/database/validate.h"

namespace nearhit {

namespace {

class VectorsHandle final : public VectorStore {
 public:
  explicit VectorsHandle(std::shared_ptr<Namespace> space) : space_(std::move(space)) {}

  Result<std::vector<EntryId>> Upsert(std::span<const UpsertRequest> requests,
                                      Durability durability) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    const NamespaceConfig& config = call.record().config;
    NEARHIT_RETURN_IF_ERROR(CheckBatch("requests", requests.size()));
    for (std::size_t i = 0; i < requests.size(); ++i) {
      NEARHIT_RETURN_IF_ERROR(
          AtIndex("requests", i, CheckUpsert(requests[i], config, space_->max_payload_bytes())));
    }
    return call.vectors().Upsert(requests, config, IsSync(durability, config));
  }

  Result<std::vector<VectorHit>> Search(VectorView query,
                                        const VectorSearchOptions& options) override {
    NEARHIT_ASSIGN_OR_RETURN(std::vector<std::vector<VectorHit>> rows, SearchBatch(query, options));
    return std::move(rows.front());
  }

  Result<std::vector<std::vector<VectorHit>>> SearchBatch(
      VectorView queries, const VectorSearchOptions& options) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckSearch(options, call.record().config));
    NEARHIT_RETURN_IF_ERROR(CheckQueries(queries, call.record().config));
    return call.vectors().Search(queries, options);
  }

  Result<VectorEntry> Get(std::string_view key) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    return call.vectors().Get(key);
  }

  Result<VectorEntry> GetById(EntryId id) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    return call.vectors().Get(id);
  }

  Result<std::uint64_t> Delete(std::span<const std::string_view> keys,
                               Durability durability) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckBatch("keys", keys.size()));
    return call.vectors().Delete(keys, IsSync(durability, call.record().config));
  }

  Result<VectorPage> Scan(EntryId after, std::size_t limit) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckPage(limit));
    return call.vectors().Scan(after, limit);
  }

 private:
  const std::shared_ptr<Namespace> space_;
};

}  // namespace

std::shared_ptr<VectorStore> MakeVectorsHandle(std::shared_ptr<Namespace> space) {
  return std::make_shared<VectorsHandle>(std::move(space));
}

}  // namespace nearhit
