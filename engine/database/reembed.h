// Changing a namespace: which changes are allowed, and copying its contents under another embedder.
#pragma once

#include "engine/collection/collection.h"
#include "engine/database/namespace.h"
#include "nearhit/embedder.h"
#include "nearhit/options.h"
#include "nearhit/result.h"

namespace nearhit {

// Applies `update` to `record` and checks the outcome; returns whether the vectors have to be made again.
// Errors: kInvalidArgument; kFailedPrecondition for another embedder without `reembed`. On error `record`
// is in an unspecified state.
Result<bool> ApplyUpdate(const NamespaceUpdate& update, NamespaceRecord* record);

// Copies every live entry of `space` into `to` with vectors made anew from the stored texts; ids, times and
// answers stay. Errors: the embedder's; what was copied until then stays in `to`.
Status Reembed(const Namespace& space, const Embedder& embedder, Metric metric, Collection* to);

// Maintenance of a namespace without a cache: expiry, then what every collection needs.
Status MaintainVectors(Collection& collection);

}  // namespace nearhit
