// Changing the embedder of a namespace that is in use. Maintenance is run by hand, and the embedder
// calls back into the test in the middle of a page: what happens beside the work happens then. (Not
// with the last few entries: writes wait for those, and would wait for themselves.)

#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/engine/database/open_database.h"
#include "tests/engine/database/scripted_embedder.h"

namespace nearhit {
namespace {

using testing::HasSubstr;
using Texts = EmbedderScript::Texts;

class ReembeddingTest : public DatabaseTest {
 protected:
  ReembeddingTest() {
    RegisterScriptedEmbedder();
    EmbedderScript::Get().Reset();
    NamespaceConfig config;
    config.embedder = ScriptedSpec("old");
    config.threshold = 0.9F;
    cache_ = NewCache(config);
  }
  void TearDown() override { EmbedderScript::Get().Reset(); }

  StoreResult Store(const std::string& slot, const std::vector<std::string>& tags = {}) {
    const std::string answer = "answer " + slot;  // requests view it
    StoreRequest request = Request(slot, {}, answer);
    request.metadata.tags = tags;
    const auto stored = cache_->Store(request);
    EXPECT_THAT(stored, IsOk());
    return *stored;
  }
  void StoreMany(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Store("slot " + std::to_string(i) + "~stored");
    }
  }
  LookupResult Lookup(const std::string& slot) {
    const auto found = cache_->Lookup({.scope = "s", .slot = slot}, {});
    EXPECT_THAT(found, IsOk());
    return *found;
  }
  Status Change(const std::string& model) {
    NamespaceUpdate update;
    update.embedder = ScriptedSpec(model);
    update.reembed = true;
    return db_->UpdateNamespace("c", update);
  }
  NamespaceInfo Info() { return *db_->DescribeNamespace("c"); }
  // Every entry has the vector of its text by `model`; returns the slots.
  std::set<std::string> ExpectVectorsOf(const std::string& model) {
    EXPECT_EQ(Info().embedder_identity, "scripted/" + model);
    std::set<std::string> slots;
    const ScanPage page = *cache_->Scan(EntryId{}, kMaxPageSize);
    for (const Entry& entry : page.entries) {
      EXPECT_THAT(entry.vector, IsVectorOf(model, entry.slot)) << entry.slot;
      EXPECT_EQ(Lookup(entry.slot + "~other").id, entry.id) << entry.slot;
      slots.insert(entry.slot);
    }
    EXPECT_EQ(Info().stats.entries, slots.size());
    return slots;
  }
  // The next page of the new model goes as far as the embedder; `then` decides.
  static void OnceAtNewModel(std::function<Status(Texts texts)> then) {
    EmbedderScript::Get().SetHook([then = std::move(then), done = std::make_shared<bool>(false)](
                                      const std::string& model, Texts texts) {
      return model == "old" || std::exchange(*done, true) ? Status() : then(texts);
    });
  }
  static void NewModelIsDown(bool down = true) {
    EmbedderScript::Get().SetHook([down](const std::string& model, Texts) {
      return down && model != "old" ? Unavailable("the model is down") : Status();
    });
  }

  std::shared_ptr<SemanticCache> cache_;
};

TEST_F(ReembeddingTest, TheOldVectorsServeUntilTheSwitch) {
  StoreMany(3);
  ASSERT_THAT(Change("new"), IsOk());
  const NamespaceInfo info = Info();
  ASSERT_TRUE(info.reembedding);
  EXPECT_EQ(info.reembedding->identity, "scripted/new");
  EXPECT_EQ(info.reembedding->done, 0U);
  EXPECT_EQ(info.reembedding->total, 3U);
  EXPECT_EQ(info.reembedding->last_error, "");
  EXPECT_EQ(info.config.embedder.model, "old");
  Store("later");
  ExpectVectorsOf("old");
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(ExpectVectorsOf("new").size(), 4U);
  EXPECT_FALSE(Info().reembedding);
  EXPECT_EQ(Info().config.embedder.model, "new");
  EXPECT_EQ(Lookup("slot 1~other").kind, HitKind::kSemantic);
  Store("last");
  EXPECT_EQ(ExpectVectorsOf("new").size(), 5U);
}

TEST_F(ReembeddingTest, EntriesKeepAllButTheirVector) {
  StoreRequest request = Request("slot", {}, "answer", "scope");
  request.metadata = {.content_type = "text/plain",
                      .model = "m",
                      .prompt_tokens = 3,
                      .answer_tokens = 4,
                      .cost = 0.5,
                      .tags = {"a", "b"}};
  request.ttl_ms = 5'000;
  const StoreResult stored = *cache_->Store(request);
  const Entry before = *cache_->Get(stored.id);
  clock_.AdvanceMillis(1'000);
  ASSERT_THAT(Change("new"), IsOk());
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  const Entry after = *cache_->Get(stored.id);
  EXPECT_NE(after.vector, before.vector);
  EXPECT_EQ(after.scope, before.scope);
  EXPECT_EQ(after.answer, before.answer);
  EXPECT_EQ(after.metadata.tags, before.metadata.tags);
  EXPECT_EQ(after.metadata.content_type, "text/plain");
  EXPECT_EQ(after.metadata.model, "m");
  EXPECT_EQ(after.metadata.prompt_tokens, 3U);
  EXPECT_EQ(after.metadata.answer_tokens, 4U);
  EXPECT_EQ(after.metadata.cost, 0.5);
  EXPECT_EQ(after.created_us, before.created_us);
  EXPECT_EQ(after.expires_us, before.expires_us);
  clock_.AdvanceMillis(5'000);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(Info().stats.entries, 0U);
  EXPECT_EQ(Info().stats.expirations, 1U);
}

TEST_F(ReembeddingTest, AThresholdComesWithItsVectorsAndTheRestAtOnce) {
  NamespaceUpdate update;
  update.embedder = ScriptedSpec("new");
  update.reembed = true;
  update.threshold = 0.5F;
  update.default_ttl_ms = 7;
  ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  EXPECT_EQ(Info().config.threshold, 0.9F);
  EXPECT_EQ(Info().config.default_ttl_ms, 7);
  NamespaceUpdate meanwhile;
  meanwhile.idle_ttl_ms = 9;
  ASSERT_THAT(db_->UpdateNamespace("c", meanwhile), IsOk());
  EXPECT_TRUE(Info().reembedding);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(Info().config.threshold, 0.5F);
  EXPECT_EQ(Info().config.default_ttl_ms, 7);
  EXPECT_EQ(Info().config.idle_ttl_ms, 9);
}

TEST_F(ReembeddingTest, CountersAndTheOrderOfEvictionGoOn) {
  StoreMany(4);
  Lookup("slot 0~stored");
  ASSERT_THAT(Change("new"), IsOk());
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(Info().stats.exact_hits, 1U);
  EXPECT_EQ(Info().stats.stores, 4U);
  NamespaceUpdate update;
  update.max_entries = 1;
  ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(Lookup("slot 0~stored").kind, HitKind::kExact);
  EXPECT_EQ(Info().stats.evictions, 3U);
}

TEST_F(ReembeddingTest, AFailingEmbedderIsTriedAgainAndProgressStays) {
  StoreMany(100);
  ASSERT_THAT(Change("new"), IsOk());
  EmbedderScript::Get().Reset([pages = 0](const std::string&, Texts) mutable {
    return pages++ == 0 ? Status() : Unavailable("the model is down");
  });
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(db_->RunMaintenance(), IsOk());
    const NamespaceInfo info = Info();
    ASSERT_TRUE(info.reembedding);
    EXPECT_EQ(info.reembedding->done, 64U);
    EXPECT_EQ(info.reembedding->total, 100U);
    EXPECT_THAT(info.reembedding->last_error, HasSubstr("the model is down"));
  }
  EmbedderScript::Get().SetHook(nullptr);
  EXPECT_EQ(Lookup("slot 99~other").kind, HitKind::kSemantic);
  EmbedderScript::Get().Reset();
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(EmbedderScript::Get().embedded(), 36U);
  EXPECT_EQ(ExpectVectorsOf("new").size(), 100U);
}

TEST_F(ReembeddingTest, ASlowEmbedderGetsSmallerPages) {
  StoreMany(100);
  ASSERT_THAT(Change("new"), IsOk());
  EmbedderScript::Get().SetHook([](const std::string& model, Texts texts) {
    return model == "new" && texts.size() > 5 ? DeadlineExceeded("too slow") : Status();
  });
  for (int i = 0; i < 100 && Info().reembedding; ++i) {
    ASSERT_THAT(db_->RunMaintenance(), IsOk());
  }
  EmbedderScript::Get().SetHook(nullptr);
  EXPECT_EQ(ExpectVectorsOf("new").size(), 100U);
}

TEST_F(ReembeddingTest, ATextThatIsRefusedHasNoVectorAndTheOthersDo) {
  StoreMany(20);
  ASSERT_THAT(Change("new"), IsOk());
  EmbedderScript::Get().SetHook([](const std::string&, Texts texts) {
    const bool refused = std::any_of(texts.begin(), texts.end(), [](std::string_view text) {
      return text.starts_with("slot 7") || text.starts_with("slot 13");
    });
    return refused ? InvalidArgument("a text is too long") : Status();
  });
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EmbedderScript::Get().SetHook(nullptr);
  EXPECT_EQ(Info().embedder_identity, "scripted/new");
  for (int i = 0; i < 20; ++i) {
    const std::string slot = "slot " + std::to_string(i);
    EXPECT_EQ(Lookup(slot + "~stored").kind, HitKind::kExact);
    EXPECT_EQ(Lookup(slot + "~other").kind,
              i == 7 || i == 13 ? HitKind::kMiss : HitKind::kSemantic);
  }
}

// A wrong URL answers like a text that is refused.
TEST_F(ReembeddingTest, AnEmbedderThatRefusesEverythingDoesNotEmptyTheIndex) {
  StoreMany(3);
  ASSERT_THAT(Change("new"), IsOk());
  EmbedderScript::Get().SetHook([](const std::string& model, Texts) {
    return model == "new" ? InvalidArgument("no such page") : Status();
  });
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_THAT(Info().reembedding->last_error, HasSubstr("no such page"));
  ExpectVectorsOf("old");
}

TEST_F(ReembeddingTest, TheEmbedderThatIsThereCancels) {
  StoreMany(100);
  ASSERT_THAT(Change("new"), IsOk());
  NewModelIsDown();
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  ASSERT_THAT(Change("old"), IsOk());
  EXPECT_FALSE(Info().reembedding);
  NewModelIsDown(false);
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(ExpectVectorsOf("old").size(), 100U);
}

TEST_F(ReembeddingTest, AnotherChangeTakesThePlaceOfTheFirst) {
  StoreMany(100);
  ASSERT_THAT(Change("new"), IsOk());
  OnceAtNewModel([this](Texts) { return Change("newest"); });
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(Info().reembedding->identity, "scripted/newest");
  EmbedderScript::Get().Reset();
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(EmbedderScript::Get().embedded(), 100U);
  EXPECT_EQ(ExpectVectorsOf("newest").size(), 100U);
}

TEST_F(ReembeddingTest, TheSameModelElsewhereGoesOn) {
  StoreMany(100);
  ASSERT_THAT(Change("new"), IsOk());
  EmbedderScript::Get().Reset([pages = 0](const std::string&, Texts) mutable {
    return pages++ == 0 ? Status() : Unavailable("this one is down");
  });
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  NamespaceUpdate update;
  update.embedder = ScriptedSpec("new");
  update.embedder->max_batch = 10;
  update.reembed = true;
  ASSERT_THAT(db_->UpdateNamespace("c", update), IsOk());
  EmbedderScript::Get().Reset();
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(EmbedderScript::Get().embedded(), 36U);
  EXPECT_EQ(Info().config.embedder.max_batch, 10U);
  EXPECT_EQ(ExpectVectorsOf("new").size(), 100U);
}

TEST_F(ReembeddingTest, DroppingTheNamespaceEndsTheWork) {
  StoreMany(100);
  ASSERT_THAT(Change("new"), IsOk());
  OnceAtNewModel([this](Texts) { return db_->DropNamespace("c"); });
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_THAT(db_->DescribeNamespace("c"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(cache_->Get(EntryId{1}), StatusIs(StatusCode::kNotFound));
  EmbedderScript::Get().Reset();
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EXPECT_EQ(EmbedderScript::Get().embedded(), 0U);
}

TEST_F(ReembeddingTest, WhatCannotBeDoneIsRefusedAndChangesNothing) {
  NamespaceUpdate update;
  update.embedder = ScriptedSpec("new");
  EXPECT_THAT(db_->UpdateNamespace("c", update), StatusIs(StatusCode::kFailedPrecondition));
  update.embedder = EmbedderSpec{};
  update.reembed = true;
  EXPECT_THAT(db_->UpdateNamespace("c", update), StatusIs(StatusCode::kInvalidArgument));
  EmbedderScript::Get().SetMissing("new");
  EXPECT_THAT(Change("new"), StatusIs(StatusCode::kNotFound));
  EXPECT_FALSE(Info().reembedding);
  NamespaceConfig vectors = CacheConfig();
  vectors.kind = NamespaceKind::kVectors;
  ASSERT_THAT(db_->CreateNamespace("v", vectors), IsOk());
  update.embedder->kind = "lexical";
  EXPECT_THAT(db_->UpdateNamespace("v", update), StatusIs(StatusCode::kInvalidArgument));
}

// Stores, replaces, deletes and invalidates at random whenever a page is at the embedder, and keeps
// a model of what must be there.
class ReembeddingPropertyTest : public ReembeddingTest,
                                public testing::WithParamInterface<unsigned> {
 protected:
  std::string SomeSlot() { return "slot " + std::to_string(random_() % 400); }
  void StoreSome() {
    const std::string slot = SomeSlot();
    expected_[slot] = Store(slot, {"tag " + std::to_string(random_() % 8)}).id;
    untouched_.erase(slot);
  }
  void DeleteSome() {
    const auto found = expected_.find(SomeSlot());
    if (found != expected_.end()) {
      EXPECT_THAT(cache_->Delete(found->second, Durability::kDefault), IsOkAndHolds(true));
      untouched_.erase(found->first);
      expected_.erase(found);
    }
  }
  void InvalidateSome() {
    InvalidateRequest request;
    request.tags = {"tag " + std::to_string(random_() % 8)};
    EXPECT_THAT(cache_->Invalidate(request), IsOk());
    std::erase_if(expected_, [this](const auto& item) {
      const bool gone = !cache_->Get(item.second).ok();
      return gone && (untouched_.erase(item.first), true);
    });
  }
  void ChangeMuch() {
    for (auto i = random_() % 60; i > 0; --i) {
      random_() % 2 == 0 ? StoreSome() : DeleteSome();
    }
    if (random_() % 3 == 0) {
      InvalidateSome();
    }
  }
  // Whether a page has an entry of the time before the work. Later pages may be the last.
  bool HasUntouched(Texts texts) {
    std::size_t found = 0;
    for (const std::string_view text : texts) {
      found += untouched_.erase(std::string(text));
    }
    return found > 0;
  }

  std::mt19937 random_{GetParam()};
  std::map<std::string, EntryId> expected_;
  std::set<std::string> untouched_;  // stored before, not yet embedded and not changed since
};

TEST_P(ReembeddingPropertyTest, WhatComesAndGoesMeanwhileIsFollowed) {
  for (int i = 0; i < 400; ++i) {
    StoreSome();
  }
  for (const auto& [slot, id] : expected_) {
    untouched_.insert(slot);
  }
  int changes = 0;
  EmbedderScript::Get().SetHook([&](const std::string& model, Texts texts) {
    if (model == "new" && HasUntouched(texts)) {
      ChangeMuch();
      ++changes;
    }
    return Status();
  });
  ASSERT_THAT(Change("new"), IsOk());
  ASSERT_THAT(db_->RunMaintenance(), IsOk());
  EmbedderScript::Get().SetHook(nullptr);
  EXPECT_GE(changes, 3);
  std::set<std::string> slots;
  for (const auto& [slot, id] : expected_) {
    EXPECT_EQ(Lookup(slot).id, id) << slot;
    slots.insert(slot);
  }
  EXPECT_EQ(ExpectVectorsOf("new"), slots);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ReembeddingPropertyTest, testing::Range(1U, 21U));

}  // namespace
}  // namespace nearhit
