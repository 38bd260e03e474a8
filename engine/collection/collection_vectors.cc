// Collection: vectors for entries that were put without one.

#include <utility>

#include "engine/collection/collection.h"
#include "engine/collection/key_stripes.h"

namespace nearhit {

Result<std::size_t> Collection::AddVectors(std::span<const VectorAddition> additions) {
  Stripes stripes(this);
  for (const VectorAddition& addition : additions) {
    table_.With(addition.id, [&stripes](const EntryState& state) { stripes.Add(state.key_hash); });
  }
  stripes.Lock();
  struct Added {
    const VectorAddition* addition;
    EntryState state;
  };
  std::vector<Added> added;
  WriteBatch batch;
  for (const VectorAddition& addition : additions) {
    std::optional<EntryState> state = table_.Find(addition.id);
    if (!state || state->has_vector || !stripes.Has(state->key_hash)) {
      continue;
    }
    if (addition.vector.empty()) {
      table_.NoteUnreadableText(addition.id);
      continue;
    }
    state->has_vector = true;
    state->bytes += addition.vector.size() * sizeof(float);
    AppendHeader(addition.id, *state, &batch);
    std::string key = EntryKey(options_.ns, addition.id);
    std::string value = EncodeVector(key, addition.vector);
    batch.Put(Family::kVectors, std::move(key), std::move(value));
    added.push_back({.addition = &addition, .state = *std::move(state)});
  }
  if (added.empty()) {
    return std::size_t{0};
  }
  NEARHIT_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/false));
  for (const Added& entry : added) {
    table_.AddVector(entry.addition->id, entry.state.bytes);
    // A full index leaves the entry to the exact tier, as in Put.
    PartitionByNumber(entry.state.partition)
        ->index.Add(entry.addition->id, entry.addition->vector)
        .IgnoreError();
  }
  return added.size();
}

}  // namespace nearhit
