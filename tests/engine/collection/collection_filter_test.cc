// Searches with tag filters against brute force in float64: as many as there are, whatever share
// passes and wherever it lies.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/collection/collection.h"
#include "engine/storage/memory_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

constexpr std::size_t kComponents = 24;
constexpr std::uint64_t kStored = 3'000;
constexpr std::size_t kNearest = 10;

// The parameter: entries from which there is a graph.
class CollectionFilterTest : public testing::TestWithParam<std::size_t> {
 protected:
  struct Entry {
    std::vector<float> vector;
    std::vector<std::string> tags;
  };

  // `tags_of(i, away)`: of the i-th entry, which is far from the queries or near.
  void Fill(const std::function<std::vector<std::string>(std::uint64_t, bool)>& tags_of) {
    for (std::uint64_t i = 0; i < kStored; ++i) {
      const bool away = i % 5 == 0;
      Entry entry{.vector = random_.Near(away ? away_ : home_, away ? 0.4F : 1.5F),
                  .tags = tags_of(i, away)};
      const std::string key = std::to_string(i);
      const PutRequest request{.key = key, .vector = entry.vector, .tags = entry.tags};
      const auto put = collection_->Put({&request, 1}, /*sync=*/false);
      ASSERT_THAT(put, IsOk());
      entries_[put->front().id.value] = std::move(entry);
    }
    ASSERT_THAT(collection_->Maintain(nullptr), IsOk());
    ASSERT_THAT(collection_->Maintain(nullptr), IsOk());
    ASSERT_EQ(collection_->stats().graph_partitions, GetParam() < kStored ? 1U : 0U);
  }

  static bool Passes(const TagFilter& filter, const std::vector<std::string>& tags) {
    const auto has = [&tags](const std::string& tag) {
      return std::find(tags.begin(), tags.end(), tag) != tags.end();
    };
    return std::ranges::all_of(filter.all_of, has) &&
           (filter.any_of.empty() || std::ranges::any_of(filter.any_of, has)) &&
           std::ranges::none_of(filter.none_of, has);
  }

  static double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
    double dot = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    return dot;
  }

  // Asks from home, and expects what brute force says; of a graph nearly so.
  void ExpectFound(const TagFilter& filter) {
    std::size_t right = 0;
    std::size_t wanted = 0;
    for (int i = 0; i < 30; ++i) {
      const std::vector<float> query = random_.Near(home_, 1);
      std::vector<double> truth;
      for (const auto& [id, entry] : entries_) {
        if (Passes(filter, entry.tags)) {
          truth.push_back(Cosine(query, entry.vector));
        }
      }
      std::sort(truth.begin(), truth.end(), std::greater<>());
      const std::size_t expected = std::min(kNearest, truth.size());
      const auto found = collection_->Search("", query, {.k = kNearest, .filter = &filter});
      ASSERT_THAT(found, IsOk());
      ASSERT_EQ(found->size(), expected);
      for (const ScoredEntry& entry : *found) {
        const Entry& stored = entries_.at(entry.id.value);
        EXPECT_TRUE(Passes(filter, stored.tags));
        right += Cosine(query, stored.vector) >= truth[expected - 1] - 1e-6 ? 1U : 0U;
      }
      wanted += expected;
    }
    EXPECT_GE(right * 100, wanted * 99);
  }

  RandomVectors random_{kComponents, 3, 11};
  const std::vector<float> home_ = random_.Next();
  const std::vector<float> away_ = random_.Next();
  ManualClock clock_;
  std::unique_ptr<KvStore> store_ = NewMemoryStore();
  std::unique_ptr<IdAllocator> ids_ = *IdAllocator::Open(store_.get());
  std::unique_ptr<Collection> collection_ =
      *Collection::Open(store_.get(), &clock_, ids_.get(), HashSecret{},
                        {.ns = 1, .dimension = kComponents, .graph_threshold = GetParam()});
  std::map<std::uint64_t, Entry> entries_;
};

TEST_P(CollectionFilterTest, WhatPassesLiesAwayFromTheQuery) {
  Fill([](std::uint64_t, bool away) { return std::vector<std::string>{away ? "rare" : "common"}; });
  ExpectFound({.all_of = {"rare"}});
  ExpectFound({.any_of = {"rare", "nobody has this"}});
  ExpectFound({.none_of = {"common"}});
}

TEST_P(CollectionFilterTest, EverySelectivityIsAnswered) {
  Fill([](std::uint64_t i, bool) {
    std::vector<std::string> tags;
    for (const std::uint64_t share : {2U, 7U, 30U, 300U, 1'500U, 3'000U}) {
      if (i * 7'919 % share == 0) {
        tags.push_back("1/" + std::to_string(share));
      }
    }
    return tags;
  });
  for (const std::string share : {"1/2", "1/7", "1/30", "1/300", "1/1500", "1/3000"}) {
    ExpectFound({.all_of = {share}});
    ExpectFound({.none_of = {share}});
  }
  ExpectFound({.any_of = {"1/30", "1/300"}});
  ExpectFound({.all_of = {"1/2", "1/7"}, .none_of = {"1/30"}});
  ExpectFound({.all_of = {"1/2"}, .any_of = {"1/300", "1/7"}, .none_of = {"1/1500"}});
  ExpectFound({.all_of = {"nobody has this"}});
  ExpectFound({.none_of = {"nobody has this"}});
}

TEST_P(CollectionFilterTest, PlansFollowTheShareThatPasses) {
  Fill([](std::uint64_t i, bool) {
    return std::vector<std::string>{i % 300 == 0 ? "rare" : "common"};
  });
  const bool graph = GetParam() == 400;
  const auto plan_of = [this](const TagFilter& filter) {
    SearchExplanation explanation;
    EXPECT_THAT(
        collection_->Search("", home_,
                            {.k = 3, .filter = &filter, .context = {.explanation = &explanation}}),
        IsOk());
    EXPECT_EQ(explanation.entries, kStored);
    return explanation;
  };
  const SearchExplanation rare = plan_of({.all_of = {"rare"}});
  EXPECT_EQ(rare.plan, SearchPlan::kCompareMatching);
  EXPECT_EQ(rare.matching, kStored / 300);
  EXPECT_EQ(rare.compared, kStored / 300);
  EXPECT_GE(rare.rescored, 3U);
  EXPECT_EQ(plan_of({.all_of = {"nobody has this"}}).matching, 0U);
  EXPECT_EQ(plan_of({.none_of = {"rare"}}).plan,
            graph ? SearchPlan::kFilteredWalk : SearchPlan::kScan);
  const SearchExplanation all = plan_of({});
  EXPECT_EQ(all.plan, graph ? SearchPlan::kWalk : SearchPlan::kScan);
  EXPECT_EQ(all.matching, std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Structures, CollectionFilterTest, testing::Values(400, 1'000'000),
                         [](const auto& test) { return test.param == 400 ? "Graph" : "Scan"; });

}  // namespace
}  // namespace nearhit
