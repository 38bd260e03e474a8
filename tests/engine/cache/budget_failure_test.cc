// A cache at its budget whose storage refuses writes for a while.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/cache/cache.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

TEST(BudgetFailureTest, WhatCouldNotBeEvictedCanBeLater) {
  constexpr std::size_t kMost = 10;
  const ManualClock clock;
  FailingStore store;
  const auto ids = *IdAllocator::Open(&store);
  const auto collection = *Collection::Open(&store, &clock, ids.get(), HashSecret{}, {.ns = 1});
  NamespaceConfig config;
  config.max_entries = kMost;
  Cache cache(collection.get(), &clock, std::make_shared<LabelBook>(&store, &clock, 1), nullptr,
              config);
  int next = 0;
  const auto put = [&] {
    const std::string slot = std::to_string(next++);
    StoreRequest request;
    request.prompt = {.scope = "s", .slot = slot};
    request.answer = "answer";
    return cache.Store({&request, 1}).status();
  };
  for (std::size_t i = 0; i < kMost; ++i) {
    ASSERT_THAT(put(), IsOk());
  }
  store.FailWrites(true);
  for (std::size_t i = 0; i < 2 * kMost; ++i) {
    EXPECT_THAT(put(), StatusIs(StatusCode::kUnavailable));
  }
  store.FailWrites(false);
  for (std::size_t i = 0; i < 3 * kMost; ++i) {
    EXPECT_THAT(put(), IsOk());
    EXPECT_EQ(collection->size().entries, kMost);
  }
}

}  // namespace
}  // namespace nearhit
