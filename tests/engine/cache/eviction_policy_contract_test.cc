// What every EvictionPolicy promises, and what SIEVE adds.

#include <atomic>
#include <set>

#include <gtest/gtest.h>

#include "engine/cache/sieve_policy.h"
#include "tests/engine/cache/queue_policies.h"
#include "tests/support/repeating_threads.h"

namespace nearhit {
namespace {

template <typename Policy>
class EvictionPolicyContract : public testing::Test {
 protected:
  void Insert(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t id = first; id <= last; ++id) {
      policy_.OnInsert(EntryId{id});
    }
  }
  Policy policy_;
};

using Policies = testing::Types<SievePolicy, FifoPolicy, LruPolicy>;
TYPED_TEST_SUITE(EvictionPolicyContract, Policies);

TYPED_TEST(EvictionPolicyContract, HasNoVictimWhenEmpty) {
  EXPECT_FALSE(this->policy_.Victim());
}

TYPED_TEST(EvictionPolicyContract, EveryEntryIsAVictimOnce) {
  this->Insert(1, 100);
  for (std::uint64_t id = 1; id <= 100; id += 3) {
    this->policy_.OnHit(EntryId{id});
  }
  std::set<std::uint64_t> victims;
  while (const auto victim = this->policy_.Victim()) {
    EXPECT_TRUE(victims.insert(victim->value).second);
  }
  EXPECT_EQ(victims.size(), 100U);
  EXPECT_EQ(this->policy_.size(), 0U);
}

TYPED_TEST(EvictionPolicyContract, ErasedEntriesAreNoVictims) {
  this->Insert(1, 3);
  this->policy_.OnErase(EntryId{1});
  this->policy_.OnErase(EntryId{99});
  this->policy_.OnHit(EntryId{1});
  EXPECT_EQ(this->policy_.Victim(), EntryId{2});
  EXPECT_EQ(this->policy_.size(), 1U);
}

// Entries that nobody reads leave in the order in which they came, whatever the policy.
TYPED_TEST(EvictionPolicyContract, WithoutHitsTheOldestGoesFirst) {
  this->Insert(1, 5);
  this->Insert(2, 2);
  this->policy_.OnErase(EntryId{3});
  for (const std::uint64_t id : {1U, 2U, 4U, 5U}) {
    EXPECT_EQ(this->policy_.Victim(), EntryId{id});
  }
}

TYPED_TEST(EvictionPolicyContract, AVictimCanComeBack) {
  this->Insert(1, 2);
  EXPECT_EQ(this->policy_.Victim(), EntryId{1});
  this->Insert(1, 1);
  EXPECT_EQ(this->policy_.Victim(), EntryId{2});
  EXPECT_EQ(this->policy_.Victim(), EntryId{1});
}

TYPED_TEST(EvictionPolicyContract, InsertingTwiceTracksOnce) {
  this->Insert(1, 1);
  this->Insert(1, 1);
  EXPECT_EQ(this->policy_.size(), 1U);
}

// A hit may change the order, not what is tracked.
TYPED_TEST(EvictionPolicyContract, HitsTrackNothing) {
  this->Insert(1, 2);
  for (const std::uint64_t id : {2U, 1U, 2U, 3U}) {
    this->policy_.OnHit(EntryId{id});
  }
  EXPECT_EQ(this->policy_.size(), 2U);
  std::set<std::uint64_t> victims;
  while (const auto victim = this->policy_.Victim()) {
    victims.insert(victim->value);
    this->policy_.OnHit(*victim);
  }
  EXPECT_EQ(victims, (std::set<std::uint64_t>{1, 2}));
}

// No entry is a victim twice, nor lost, while other threads hit and erase.
TYPED_TEST(EvictionPolicyContract, ThreadsMayCallItTogether) {
  constexpr std::uint64_t kEntries = 500;
  std::atomic<std::uint64_t> next{0};
  RepeatingThreads others(2, [this, &next] {
    const std::uint64_t id = next.fetch_add(1) % (2 * kEntries) + 1;
    this->policy_.OnHit(EntryId{id});
    this->policy_.OnErase(EntryId{kEntries + id});  // not tracked
  });
  std::set<std::uint64_t> victims;
  for (std::uint64_t id = 1; id <= kEntries; ++id) {
    this->Insert(id, id);
    if (id % 2 == 0) {
      const auto victim = this->policy_.Victim();
      ASSERT_TRUE(victim);
      EXPECT_TRUE(victims.insert(victim->value).second) << victim->value;
    }
  }
  others.Stop();
  EXPECT_EQ(this->policy_.size(), kEntries / 2);
  while (const auto victim = this->policy_.Victim()) {
    EXPECT_TRUE(victims.insert(victim->value).second) << victim->value;
  }
  EXPECT_EQ(victims.size(), kEntries);
}

TEST(SievePolicyTest, OldestUnvisitedGoesFirst) {
  SievePolicy policy;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    policy.OnInsert(EntryId{id});
  }
  policy.OnHit(EntryId{1});
  policy.OnHit(EntryId{3});
  EXPECT_EQ(policy.Victim(), EntryId{2});
  EXPECT_EQ(policy.Victim(), EntryId{4});
  EXPECT_EQ(policy.Victim(), EntryId{1});  // its bit was cleared when the hand passed
}

// A scan of entries that are never read again passes through; what is read stays.
TEST(SievePolicyTest, ResistsScans) {
  SievePolicy policy;
  for (std::uint64_t id = 1; id <= 10; ++id) {
    policy.OnInsert(EntryId{id});
  }
  for (std::uint64_t id = 100; id < 1'100; ++id) {
    for (std::uint64_t hot = 1; hot <= 10; ++hot) {
      policy.OnHit(EntryId{hot});
    }
    policy.OnInsert(EntryId{id});
    const auto victim = policy.Victim();
    ASSERT_TRUE(victim);
    EXPECT_GE(victim->value, 100U);
  }
}

}  // namespace
}  // namespace nearhit
