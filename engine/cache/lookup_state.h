// A lookup on its way. One that would have to wait stops, and goes on later where it stopped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/collection/collection.h"
#include "engine/collection/scope_ref.h"
#include "nearhit/lookup.h"

namespace nearhit {

struct LookupState {
  enum class Stage : std::uint8_t {
    kExact,   // resolve the scope, look for the very text
    kVector,  // make the vector of the text
    kSearch,  // look for entries near it
    kJudge,   // read them, until one may be served
    kDone,
  };

  // The views of `asked` must outlive the state.
  explicit LookupState(const Prompt& asked) : scope(asked.scope), prompt(asked) {}

  bool HasSeen(EntryId id) const { return std::find(seen.begin(), seen.end(), id) != seen.end(); }
  // Ends it. That an entry had expired says more than that there is no vector.
  void MissFor(MissReason reason) {
    if (result.miss_reason != MissReason::kExpired || reason == MissReason::kEmbedFailed) {
      result.miss_reason = reason;
    }
    stage = Stage::kDone;
  }

  // Ordered by size: a batch holds thousands.
  ScopeRef scope;
  std::size_t k = 0;       // of the last search, or the next; 0: as many as the policy wants
  std::size_t next = 0;    // of the candidates
  std::size_t judged = 0;  // of those that were seen, by the policy
  std::shared_ptr<LookupTrace> trace{};   // null: nobody asked
  std::vector<float> vector{};            // from kSearch on, as the index wants it
  std::vector<ScoredEntry> candidates{};  // of the last search
  std::vector<EntryId> seen{};            // read and not served
  Prompt prompt;
  LookupResult result{};
  int repeats = 0;              // searches because of an entry that was deleted in between
  std::optional<float> odds{};  // the best of the candidates, where the policy estimates it
  bool near = false;            // one of them was not refused by a guard or a label
  Stage stage = Stage::kExact;
};

}  // namespace nearhit
