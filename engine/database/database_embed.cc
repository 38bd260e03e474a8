// Texts to vectors by the embedder of a namespace, beside its entries.

#include <utility>

#include "base/normalize.h"
#include "engine/database/database_impl.h"
#include "engine/database/validate.h"

namespace nearhit {

namespace {

// The embedder of an open namespace. Shared, so that the namespace can be changed or dropped while
// it works.
Result<std::shared_ptr<EmbedderService>> EmbedderIn(const Namespace& space) {
  const Namespace::Call call(&space);
  NEARHIT_RETURN_IF_ERROR(call.status());
  const NamespaceRecord& record = call.record();
  if (record.config.embedder.kind == "none") {
    return FailedPrecondition(
        "namespace \"" + record.name + "\" has no embedder" +
        (record.config.kind == NamespaceKind::kVectors ? ", as none of kind vectors has one" : ""));
  }
  std::shared_ptr<EmbedderService> embedder = call.cache().embedder();
  if (embedder == nullptr) {
    return FailedPrecondition("the embedder of namespace \"" + record.name + "\", " +
                              record.embedder_identity +
                              ", could not be used when the database was opened");
  }
  return embedder;
}

}  // namespace

Result<Embeddings> DatabaseImpl::Embed(std::string_view name,
                                       std::span<const std::string_view> texts,
                                       std::chrono::steady_clock::time_point deadline) const {
  NEARHIT_ASSIGN_OR_RETURN(const std::shared_ptr<Namespace> space, Named(name));
  NEARHIT_ASSIGN_OR_RETURN(const std::shared_ptr<EmbedderService> service, EmbedderIn(*space));
  NEARHIT_RETURN_IF_ERROR(CheckTexts(texts));
  NEARHIT_ASSIGN_OR_RETURN(
      const std::vector<float> rows,
      service->Embed(texts, {.deadline = deadline, .admission = EmbedAdmission::kAlways}));
  const std::size_t dimension = service->dimension();
  Embeddings out{.embedder_identity = std::string(service->embedder()->identity()), .vectors = {}};
  out.vectors.resize(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const VectorView row = VectorView(rows).subspan(i * dimension, dimension);
    if (!IsZero(row)) {
      out.vectors[i].assign(row.begin(), row.end());
    }
  }
  return out;
}

}  // namespace nearhit
