// Changing a namespace: which changes are allowed, and copying its contents under another embedder.
#pragma once

#include "engine/collection/collection.h"
#include "engine/database/namespace.h"
#include "nearhit/embedder.h"
#include "nearhit/options.h"
#include "nearhit/result.h"

namespace nearhit {

// Applies `update` to `config` and checks the outcome. Errors: kInvalidArgument. On error `config`
// is in an unspecified state.
Status ApplyUpdate(const NamespaceUpdate& update, NamespaceConfig* config);

// Whether the vectors of the namespace have to be made again, now that its embedder is `identity`.
// `record` has the updated configuration and the identity that its vectors have.
// Errors: kFailedPrecondition for another embedder without `reembed`; kInvalidArgument for none.
Result<bool> NeedsReembedding(const NamespaceUpdate& update, std::string_view identity,
                              const NamespaceRecord& record);

// Copies every live entry of `space` into `to` with vectors made anew from the stored texts; ids,
// times and answers stay. Errors: the embedder's; what was copied until then stays in `to`.
Status Reembed(const Namespace& space, const Embedder& embedder, Metric metric, Collection* to);

// Maintenance of a namespace without a cache: expiry, then what every collection needs.
Status MaintainVectors(Collection& collection);

}  // namespace nearhit
