#include "engine/storage/memory_store.h"
#include "engine/storage/record.h"
#include "engine/storage/rocksdb_store.h"
