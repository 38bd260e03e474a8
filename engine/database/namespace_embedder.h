// The embedder that a namespace asks for.
#pragma once

#include <memory>
#include <string>

#include "nearhit/embedder.h"
#include "nearhit/options.h"
#include "nearhit/result.h"

namespace nearhit {

// Null for none. Sets a dimension of 0 to the embedder's. Errors: those of MakeEmbedder;
// kInvalidArgument when the dimension is over the limit.
Result<std::shared_ptr<const Embedder>> EmbedderOf(NamespaceConfig* config);

// "none" for null.
std::string IdentityOf(const Embedder* embedder);

}  // namespace nearhit
