// Random operations on a cache and on a simple model of it, compared after every step. The model
// knows what is stored, until when, and its vector; it differs from the cache nowhere.

#include <cstdlib>
#include <map>
#include <random>

#include "tests/engine/database/open_database.h"

namespace nearhit {
namespace {

struct ModelEntry {
  std::string answer;
  std::vector<float> vector;
  std::int64_t expires_us = 0;
  EntryId id;
};

class CachePropertyTest : public DatabaseTest, public testing::WithParamInterface<unsigned> {
 protected:
  void Step(std::mt19937* random);
  void CheckLookup(const std::pair<std::string, std::string>& where,
                   const std::vector<float>& vector);

  std::shared_ptr<SemanticCache> cache_ = NewCache(CacheConfig());
  std::map<std::pair<std::string, std::string>, ModelEntry> model_;
};

void CachePropertyTest::CheckLookup(const std::pair<std::string, std::string>& where,
                                    const std::vector<float>& vector) {
  const auto result =
      cache_->Lookup({.scope = where.first, .slot = where.second, .vector = vector}, {});
  ASSERT_THAT(result, IsOk());
  const std::int64_t now_us = clock_.NowMicros();
  const auto live = [now_us](const ModelEntry& entry) {
    return entry.expires_us == 0 || now_us < entry.expires_us;
  };
  const auto same = model_.find(where);
  if (same != model_.end() && live(same->second)) {
    ASSERT_EQ(result->kind, HitKind::kExact);
    ASSERT_EQ(result->answer, same->second.answer);
    return;
  }
  float best = -1;
  for (const auto& [key, entry] : model_) {
    if (key.first == where.first && live(entry)) {
      best = std::max(best, vector[0] * entry.vector[0] + vector[1] * entry.vector[1]);
    }
  }
  if (best >= 0.9F + 1e-5F) {
    ASSERT_EQ(result->kind, HitKind::kSemantic);
    ASSERT_NEAR(*result->score, best, 1e-5F);
  } else if (best < 0.9F - 1e-5F) {
    ASSERT_EQ(result->kind, HitKind::kMiss);
  }
}

void CachePropertyTest::Step(std::mt19937* random) {
  const std::pair<std::string, std::string> where = {"scope" + std::to_string((*random)() % 3),
                                                     "slot" + std::to_string((*random)() % 20)};
  const double angle = static_cast<double>((*random)() % 628) / 100.0;
  const std::vector<float> vector = {static_cast<float>(std::cos(angle)),
                                     static_cast<float>(std::sin(angle))};
  switch ((*random)() % 8) {
    case 0:
    case 1: {
      const std::string answer = std::to_string((*random)());
      StoreRequest request = Request(where.second, vector, answer, where.first);
      const std::int64_t ttl_ms =
          (*random)() % 2 == 0 ? 0 : static_cast<std::int64_t>((*random)() % 5'000 + 1);
      request.ttl_ms = ttl_ms;
      const auto stored = cache_->Store(request);
      ASSERT_THAT(stored, IsOk());
      model_[where] = {answer, vector, ttl_ms == 0 ? 0 : clock_.NowMicros() + ttl_ms * 1'000,
                       stored->id};
      break;
    }
    case 2:
      if (model_.contains(where)) {
        ASSERT_THAT(cache_->Delete(model_[where].id, Durability::kDefault), IsOk());
        model_.erase(where);
      }
      break;
    case 3:
      clock_.AdvanceMillis(static_cast<std::int64_t>((*random)() % 500));
      break;
    case 4:
      ASSERT_THAT(db_->RunMaintenance(), IsOk());
      break;
    default:
      CheckLookup(where, vector);
  }
}

TEST_P(CachePropertyTest, AgreesWithTheModel) {
  const char* replay = std::getenv("NEARHIT_TEST_SEED");
  const unsigned seed =
      replay != nullptr ? static_cast<unsigned>(std::strtoul(replay, nullptr, 10)) : GetParam();
  SCOPED_TRACE("replay with NEARHIT_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  for (int step = 0; step < 1'500 && !HasFatalFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    Step(&random);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CachePropertyTest, testing::Range(1U, 9U));

}  // namespace
}  // namespace nearhit
