// The labels of a namespace: in storage, and in memory as lookups and lessons need them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "engine/policy/lessons.h"
#include "engine/storage/keys.h"
#include "engine/storage/kv_store.h"
#include "engine/storage/record.h"
#include "nearhit/label.h"
#include "nearhit/result.h"

namespace nearhit {

// A pair has at most one label of those who are trusted and one of feedback. The first counts: a
// review more than a judge, and that more than a comparison. Of feedback, that of another principal
// does not undo a wrong. Prompts are known by the hashes of their keys, so no text is kept.
//
// Thread-safety: thread-safe.
class LabelBook {
 public:
  // `store` and `clock` must outlive the book.
  LabelBook(KvStore* store, const Clock* clock, NamespaceNumber ns)
      : store_(store), clock_(clock), ns_(ns) {}

  // Reads the rows of the namespace; once, before anything else. A row that is damaged is left out
  // and counted. Errors: those of the scan.
  Status Load();
  std::size_t damaged() const { return damaged_; }

  struct NewLabel {
    Hash128 asked{};
    JudgedPair pair{};
    bool has_features = false;
    bool alias = false;  // the prompt is answered with the entry from now on
  };
  // Durable when it returns: whether the prompt is an alias of the entry now. On error no label
  // changed. Errors: kResourceExhausted for a principal that says too much; those of storage.
  Result<bool> Put(const NewLabel& label);

  // For lookups. Cost: one load while there are no labels.
  bool empty() const { return empty_.load(std::memory_order_relaxed); }
  bool IsWrong(const Hash128& asked, const Hash128& matched) const;
  std::optional<Hash128> AliasOf(const Hash128& asked) const;

  // For lessons: those with features, the oldest first.
  std::vector<JudgedPair> Pairs() const;
  // Changes with each label.
  std::uint64_t version() const { return version_.load(std::memory_order_relaxed); }

  void AddTo(PolicyReport* report) const;

  // For a namespace whose embedder changes: copies the rows to its new contents, and once those are
  // its own goes on there. The features are of vectors of the other model, and are left behind.
  Status CopyTo(NamespaceNumber ns);
  void GoOnIn(NamespaceNumber ns);

 private:
  struct Pair {
    Hash128 asked;
    Hash128 matched;
    friend bool operator==(const Pair&, const Pair&) = default;
  };
  struct HashOfPair {
    std::size_t operator()(const Pair& pair) const { return pair.asked.low ^ pair.matched.high; }
  };
  struct Label {
    Hash128 asked{};
    std::int64_t created_us = 0;
    JudgedPair pair{};
    bool has_features = false;
    bool alias = false;
  };
  using Labels = std::list<Label>;  // the oldest first
  // What a principal has left to say.
  struct Allowance {
    double left = kFeedbackBurst;
    std::int64_t at_us = 0;
    std::size_t kept = 0;  // labels
  };

  static bool IsTrusted(const Label& label) { return label.pair.source != LabelSource::kFeedback; }
  static Pair KeyOf(const Label& label) { return {label.asked, label.pair.entry}; }
  std::string RowKey(NamespaceNumber ns, const Label& label) const;
  static std::string RowOf(std::string_view key, const Label& label, bool with_features);
  Status Allow(std::uint64_t principal) NEARHIT_EXCLUDES(mu_);
  // Whether `label` counts at all, and what it takes over.
  static bool MergeWith(const Label& before, Label* label);
  // That of the same pair and group; null: none.
  const Label* Find(const Label& label) const NEARHIT_REQUIRES_SHARED(mu_);
  // The one that leaves for `label`: its predecessor, or when there are too many the oldest.
  const Label* LeavesFor(const Label& label) const NEARHIT_REQUIRES_SHARED(mu_);
  void Insert(const Label& label) NEARHIT_REQUIRES(mu_);
  void Remove(const Label& label) NEARHIT_REQUIRES(mu_);
  void Index(const Pair& key) NEARHIT_REQUIRES(mu_);

  KvStore* const store_;
  const Clock* const clock_;
  std::size_t damaged_ = 0;
  std::atomic<bool> empty_{true};
  std::atomic<std::uint64_t> version_{0};

  Mutex writing_mu_;  // held across storage, so that rows and memory agree
  NamespaceNumber ns_ NEARHIT_GUARDED_BY(writing_mu_);

  mutable SharedMutex mu_;
  std::array<Labels, 2> labels_ NEARHIT_GUARDED_BY(mu_);  // of feedback, of those who are trusted
  std::array<std::unordered_map<Pair, Labels::iterator, HashOfPair>, 2> by_pair_
      NEARHIT_GUARDED_BY(mu_);
  std::unordered_map<Hash128, Hash128, HashOfHash> aliases_ NEARHIT_GUARDED_BY(mu_);
  std::unordered_map<std::uint64_t, Allowance> principals_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
