#include "engine/database/namespace_embedder.h"

namespace nearhit {

Result<std::shared_ptr<const Embedder>> EmbedderOf(NamespaceConfig* config) {
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const Embedder> embedder,
                           MakeEmbedder(config->embedder, config->dimension));
  if (embedder != nullptr && config->dimension == 0) {
    if (embedder->dimension() > kMaxDimension) {
      return InvalidArgument("the model's dimension is " + std::to_string(embedder->dimension()) +
                             ", the limit is " + std::to_string(kMaxDimension));
    }
    config->dimension = static_cast<std::uint32_t>(embedder->dimension());
  }
  return embedder;
}

std::string IdentityOf(const Embedder* embedder) {
  return embedder == nullptr ? "none" : std::string(embedder->identity());
}

}  // namespace nearhit
