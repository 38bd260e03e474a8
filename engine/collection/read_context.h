// What a read of the engine may do, and whether someone wants to know how it went.
#pragma once

#include <chrono>

#include "engine/storage/kv_store.h"
#include "nearhit/types.h"

namespace nearhit {

struct ReadContext {
  ReadMode mode = ReadMode::kBlocking;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  SearchExplanation* explanation = nullptr;  // filled by searches; null: nobody asked
};

}  // namespace nearhit
