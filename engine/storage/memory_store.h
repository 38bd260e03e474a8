// The KvStore contract over ordered maps: for databases that need no disk, and for sanitizer runs
// that an uninstrumented storage library would blind.
#pragma once

#include <memory>

#include "engine/storage/kv_store.h"

namespace nearhit {

std::unique_ptr<KvStore> NewMemoryStore();

}  // namespace nearhit
