// Which changes of a namespace are allowed.
#pragma once

#include <string_view>

#include "engine/database/catalogue.h"
#include "nearhit/options.h"
#include "nearhit/result.h"

namespace nearhit {

// Applies `update` to `config` and checks the outcome. Errors: kInvalidArgument. On error `config`
// is in an unspecified state.
Status ApplyUpdate(const NamespaceUpdate& update, NamespaceConfig* config);

// Whether the vectors of the namespace, which `record` describes, have to be made again to have
// `config` with an embedder of `identity`.
// Errors: kFailedPrecondition for another embedder without `reembed`; kInvalidArgument for none.
Result<bool> NeedsReembedding(const NamespaceUpdate& update, const NamespaceRecord& record,
                              const NamespaceConfig& config, std::string_view identity);

}  // namespace nearhit
