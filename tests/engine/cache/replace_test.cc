// Lookups by meaning beside stores of the same prompt.

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

TEST(ReplaceTest, ALookupWhoseMatchWasReplacedLooksAgain) {
  const ManualClock clock;
  InterruptedStore store;
  const auto ids = *IdAllocator::Open(&store);
  const auto collection =
      *Collection::Open(&store, &clock, ids.get(), HashSecret{}, {.ns = 1, .dimension = 2});
  NamespaceConfig config;
  config.dimension = 2;
  config.threshold = 0.5F;
  Cache cache(collection.get(), &clock, std::make_shared<LabelBook>(&store, &clock, 1), nullptr,
              config);
  const std::vector<float> vector = {1, 0};
  const std::vector<float> farther = {1, 0.5F};
  const auto put = [&](std::string_view slot, const std::vector<float>& of) {
    StoreRequest request;
    request.prompt = {.scope = "s", .slot = slot, .vector = of};
    request.answer = "answer";
    return cache.Store({&request, 1})->front().id;
  };
  put("other", farther);
  put("prompt", vector);
  EntryId newest;
  store.BeforeGets(Family::kPayloads, [&, times = 3]() mutable {
    if (times-- > 0) {
      newest = put("prompt", vector);
    }
  });
  const Prompt prompt{.scope = "s", .slot = "PROMPT", .vector = vector};
  const auto found = cache.Lookup({&prompt, 1}, {});
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->front().kind, HitKind::kSemantic);
  EXPECT_EQ(found->front().id, newest);
}

}  // namespace
}  // namespace nearhit
