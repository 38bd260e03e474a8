// Texts to vectors by the embedder of a namespace, beside its entries.

#include <algorithm>
#include <utility>

#include "engine/cache/embed_texts.h"
#include "engine/database/database_impl.h"
#include "engine/database/validate.h"

namespace nearhit {

namespace {

// Shared, so that the namespace can be changed or dropped while it works.
struct Asked {
  std::shared_ptr<const Embedder> embedder;
  std::shared_ptr<FaultLog> faults;
};

// The embedder of an open namespace.
Result<Asked> EmbedderIn(const Namespace& space) {
  const Namespace::Call call(&space);
  NEARHIT_RETURN_IF_ERROR(call.status());
  const NamespaceRecord& record = call.record();
  if (record.config.embedder.kind == "none") {
    return FailedPrecondition(
        "namespace \"" + record.name + "\" has no embedder" +
        (record.config.kind == NamespaceKind::kVectors ? ", as none of kind vectors has one" : ""));
  }
  std::shared_ptr<const Embedder> embedder = call.cache().embedder();
  if (embedder == nullptr) {
    return FailedPrecondition("the embedder of namespace \"" + record.name + "\", " +
                              record.embedder_identity +
                              ", could not be used when the database was opened");
  }
  return Asked{std::move(embedder), call.cache().embedder_faults()};
}

}  // namespace

Result<Embeddings> DatabaseImpl::Embed(std::string_view name,
                                       std::span<const std::string_view> texts,
                                       std::chrono::steady_clock::time_point deadline) const {
  NEARHIT_ASSIGN_OR_RETURN(const std::shared_ptr<Namespace> space, Named(name));
  NEARHIT_ASSIGN_OR_RETURN(const Asked asked, EmbedderIn(*space));
  NEARHIT_RETURN_IF_ERROR(CheckTexts(texts));
  const Embedder& embedder = *asked.embedder;
  NEARHIT_ASSIGN_OR_RETURN(
      const std::vector<float> rows,
      nearhit::Cache::Ask(embedder, texts, deadline, /*limit=*/nullptr, asked.faults.get()));
  Embeddings out{.embedder_identity = std::string(embedder.identity()), .vectors = {}};
  out.vectors.resize(texts.size());
  const std::size_t dimension = embedder.dimension();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::span<const float> row = std::span(rows).subspan(i * dimension, dimension);
    if (std::ranges::any_of(row, [](float component) { return component != 0; })) {
      out.vectors[i].assign(row.begin(), row.end());
    }
  }
  return out;
}

}  // namespace nearhit
