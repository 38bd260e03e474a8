// Re-embedding on its own thread, beside others that use the namespace.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/database.h"
#include "tests/engine/database/scripted_embedder.h"
#include "tests/support/eventually.h"
#include "tests/support/signal.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using Texts = EmbedderScript::Texts;

class ReembeddingConcurrencyTest : public testing::Test {
 protected:
  ReembeddingConcurrencyTest() {
    RegisterScriptedEmbedder();
    EmbedderScript::Get().Reset();
    DatabaseOptions options;
    options.in_memory = true;
    options.maintenance_interval_ms = 2;
    db_ = *Database::Open(options);
    NamespaceConfig config;
    config.embedder = ScriptedSpec("old");
    EXPECT_THAT(db_->CreateNamespace("c", config), IsOk());
    cache_ = *db_->Cache("c");
  }
  void TearDown() override { EmbedderScript::Get().Reset(); }

  EntryId Store(const std::string& slot, std::optional<std::int64_t> ttl_ms = std::nullopt) {
    StoreRequest request;
    request.prompt = {.scope = "s", .slot = slot};
    request.answer = slot;
    request.ttl_ms = ttl_ms;
    const auto stored = cache_->Store(request);
    EXPECT_THAT(stored, IsOk());
    return stored->id;
  }
  LookupResult Lookup(const std::string& slot, const LookupOptions& options = {}) {
    const auto found = cache_->Lookup({.scope = "s", .slot = slot}, options);
    EXPECT_THAT(found, IsOk());
    return *found;
  }
  void Change(const std::string& model) {
    NamespaceUpdate update;
    update.embedder = ScriptedSpec(model);
    update.reembed = true;
    EXPECT_THAT(db_->UpdateNamespace("c", update), IsOk());
  }
  void AwaitModel(const std::string& model) {
    EXPECT_TRUE(Eventually([this, &model] {
      return db_->DescribeNamespace("c")->embedder_identity == "scripted/" + model;
    }));
  }
  void ExpectVectorsOf(const std::string& model) {
    const ScanPage page = *cache_->Scan(EntryId{}, kMaxPageSize);
    for (const Entry& entry : page.entries) {
      EXPECT_THAT(entry.vector, IsVectorOf(model, entry.slot)) << entry.slot;
    }
  }
  void Write(unsigned seed);

  std::unique_ptr<Database> db_;
  std::shared_ptr<SemanticCache> cache_;
  std::atomic<bool> stop_{false};
};

// Changes slots of its own until told to stop, and always finds them as it left them.
void ReembeddingConcurrencyTest::Write(unsigned seed) {
  std::mt19937 random(seed);
  std::map<std::string, EntryId> mine;
  while (!stop_) {
    const std::string slot = std::to_string(seed) + "/" + std::to_string(random() % 50) + "~";
    const auto found = mine.find(slot);
    if (random() % 8 == 0) {
      Store(slot + "passing", /*ttl_ms=*/1);
    }
    if (found != mine.end() && random() % 2 == 0) {
      EXPECT_THAT(cache_->Delete(found->second, Durability::kDefault), IsOkAndHolds(true));
      mine.erase(found);
    } else {
      mine[slot] = Store(slot);
    }
    const LookupResult result = Lookup(slot, {.exact_only = true});
    EXPECT_EQ(result.id, mine.contains(slot) ? mine[slot] : EntryId{}) << slot;
  }
  for (const auto& [slot, id] : mine) {
    EXPECT_EQ(Lookup(slot).id, id) << slot;
    EXPECT_EQ(Lookup(slot + "other").kind, HitKind::kSemantic) << slot;
  }
  std::uint64_t stored = 0;
  const ScanPage page = *cache_->Scan(EntryId{}, kMaxPageSize);
  for (const Entry& entry : page.entries) {
    stored += entry.slot.starts_with(std::to_string(seed) + "/") && !entry.slot.ends_with("passing")
                  ? 1U
                  : 0U;
  }
  EXPECT_EQ(stored, mine.size());
}

TEST_F(ReembeddingConcurrencyTest, NobodySeesAnythingButTheirOwnChanges) {
  constexpr int kStable = 300;
  const auto stable = [](int i) { return "stable " + std::to_string(i) + "~"; };
  for (int i = 0; i < kStable; ++i) {
    Store(stable(i));
  }
  std::vector<std::thread> threads;
  threads.emplace_back([this] { Write(1); });
  threads.emplace_back([this] { Write(2); });
  threads.emplace_back([&] {
    std::mt19937 random(3);
    while (!stop_) {
      const std::string slot = stable(static_cast<int>(random() % kStable));
      const LookupResult found = Lookup(slot + "other");
      EXPECT_EQ(found.kind, HitKind::kSemantic) << slot;
      EXPECT_EQ(found.answer, slot);
    }
  });
  for (const std::string model : {"second", "third", "fourth"}) {
    Change(model);
    AwaitModel(model);
  }
  stop_ = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  ExpectVectorsOf("fourth");
}

TEST_F(ReembeddingConcurrencyTest, ALookupThatHangsHoldsUpNeitherTheSwitchNorOthers) {
  Store("fast~");
  Signal hangs;
  Signal go_on;
  EmbedderScript::Get().SetHook([&](const std::string&, Texts texts) {
    if (texts.front() == "fast~slow") {
      hangs.Say();
      go_on.Await();
    }
    return Status();
  });
  std::thread slow([this] { EXPECT_EQ(Lookup("fast~slow").kind, HitKind::kSemantic); });
  hangs.Await();
  Change("new");
  AwaitModel("new");
  EXPECT_THAT(db_->RunMaintenance(), IsOk());  // leaves alone what the slow one is going to read
  EXPECT_EQ(Lookup("fast~other").kind, HitKind::kSemantic);
  go_on.Say();
  slow.join();
}

TEST_F(ReembeddingConcurrencyTest, AStoreThatBeganBeforeTheSwitchGetsTheNewVector) {
  Signal hangs;
  Signal go_on;
  EmbedderScript::Get().SetHook([&](const std::string& model, Texts texts) {
    if (model == "old" && texts.front() == "slow~") {
      hangs.Say();
      go_on.Await();
    }
    return Status();
  });
  std::thread slow([this] { Store("slow~"); });
  hangs.Await();
  Change("new");
  AwaitModel("new");
  go_on.Say();
  slow.join();
  EXPECT_EQ(Lookup("slow~").kind, HitKind::kExact);
  EXPECT_EQ(Lookup("slow~other").kind, HitKind::kSemantic);
  ExpectVectorsOf("new");
}

TEST_F(ReembeddingConcurrencyTest, AFailingEmbedderIsTriedAgain) {
  Store("slot~");
  EmbedderScript::Get().SetHook([tries = 0](const std::string& model, Texts) mutable {
    return model == "new" && tries++ < 3 ? Unavailable("the model is down") : Status();
  });
  Change("new");
  AwaitModel("new");
  ExpectVectorsOf("new");
}

TEST_F(ReembeddingConcurrencyTest, ClosingWaitsForOnePageOnly) {
  for (int i = 0; i < 640; ++i) {
    Store("slot " + std::to_string(i));
  }
  Signal begun;
  Signal go_on;
  EmbedderScript::Get().Reset([&](const std::string&, Texts) {
    begun.Say();
    go_on.Await();
    return Status();
  });
  Change("new");
  begun.Await();
  std::thread once_closing([&go_on] {
    EXPECT_TRUE(Eventually([] { return EmbedderScript::Get().IsStopped("new"); }));
    go_on.Say();
  });
  db_.reset();
  once_closing.join();
  EXPECT_EQ(EmbedderScript::Get().embedded(), 64U);
}

}  // namespace
}  // namespace nearhit
