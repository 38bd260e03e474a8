#include "engine/storage/watched_store.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/forwarding_store.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

TEST(WatchedStoreTest, AFullDiskIsToldOfWhenItBeginsAndWhenItEnds) {
  std::vector<std::string> lines;
  auto failing = std::make_unique<FailingStore>();
  FailingStore& disk = *failing;
  const std::unique_ptr<KvStore> store = WatchStore(
      std::move(failing), [&](LogLevel, const std::string& line) { lines.push_back(line); });
  WriteBatch batch;
  batch.Put(Family::kMeta, "key", "value");
  EXPECT_THAT(store->Write(batch, false), IsOk());
  EXPECT_THAT(lines, testing::IsEmpty());
  disk.FailWrites(true);
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(store->Write(batch, false), StatusIs(StatusCode::kUnavailable));
  }
  EXPECT_THAT(lines,
              testing::ElementsAre("writing to storage fails: UNAVAILABLE: the disk is full"));
  disk.FailWrites(false);
  std::string value;
  EXPECT_THAT(store->Get(Family::kMeta, "key", ReadMode::kBlocking, &value), IsOk());
  EXPECT_EQ(lines.size(), 1U) << "reading says nothing of writing";
  EXPECT_THAT(store->Write(batch, false), IsOk());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[1], testing::StartsWith("writing to storage works again, after 100 failures"));
}

TEST(WatchedStoreTest, WhatIsNotStoredIsNoFault) {
  std::vector<std::string> lines;
  const std::unique_ptr<KvStore> store = WatchStore(
      NewMemoryStore(), [&](LogLevel, const std::string& line) { lines.push_back(line); });
  std::string value;
  EXPECT_THAT(store->Get(Family::kMeta, "key", ReadMode::kBlocking, &value),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(lines, testing::IsEmpty());
}

}  // namespace
}  // namespace nearhit
