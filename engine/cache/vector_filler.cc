#include "engine/cache/vector_filler.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/normalize.h"

namespace nearhit {

namespace {
using std::chrono::steady_clock;

// A round of maintenance begins no further page after this time or so many entries; a page may wait
// for the embedder for the other.
constexpr std::chrono::milliseconds kRoundTime{500};
constexpr std::size_t kRoundEntries = 1'024;
constexpr std::chrono::milliseconds kPageTime{2'000};
constexpr std::size_t kLargestPage = 16;
// After failures in a row, so many rounds pass at most without a try.
constexpr std::uint32_t kLongestRest = 63;
}  // namespace

VectorFiller::VectorFiller(const Collection* collection, Add add)
    : collection_(collection), add_(std::move(add)) {
}

Status VectorFiller::Round(EmbedderService* embedder) {
  const MutexLock turn(&mu_);
  if (rest_ > 0) {
    --rest_;
    return Status();
  }
  std::vector<EntryId> wanting = collection_->WantingVectors(kRoundEntries);
  if (wanting.empty()) {
    return Status();
  }
  const auto begin = static_cast<std::ptrdiff_t>(begin_ % wanting.size());
  std::rotate(wanting.begin(), wanting.begin() + begin, wanting.end());
  std::span<const EntryId> ids = wanting;
  const steady_clock::time_point end = steady_clock::now() + kRoundTime;
  while (!ids.empty() && steady_clock::now() < end) {
    const std::size_t count = std::min(ids.size(), page_);
    NEARHIT_ASSIGN_OR_RETURN(const bool filled, FillPage(embedder, ids.first(count)));
    if (!filled) {
      page_ = std::max<std::size_t>(1, page_ / 2);
      ++begin_;
      rest_ = std::min(kLongestRest, (1U << std::min(failures_++, 10U)) - 1);
      return Status();
    }
    page_ = std::min(kLargestPage, page_ * 2);
    failures_ = 0;
    ids = ids.subspan(count);
  }
  return Status();
}

Result<bool> VectorFiller::FillPage(EmbedderService* embedder, std::span<const EntryId> ids) const {
  std::vector<StoredEntry> entries;
  std::vector<std::string_view> texts;
  std::vector<VectorAddition> additions;
  for (const EntryId id : ids) {
    Result<StoredEntry> entry = collection_->Read(id, ReadMode::kBlocking);
    if (entry.ok()) {
      texts.push_back(entry->record.key);
      entries.push_back(*std::move(entry));  // the bytes that its views are of stay where they are
      continue;
    }
    if (entry.status().code() == StatusCode::kDataLoss) {
      additions.push_back({.id = id});  // its text is lost
    }
    entry.IgnoreError();  // deleted a moment ago, or not readable now
  }
  std::vector<float> rows;
  if (!texts.empty()) {
    Result<std::vector<float>> made = embedder->EmbedForIndex(
        texts,
        {.deadline = steady_clock::now() + kPageTime, .admission = EmbedAdmission::kInBackground});
    if (!made.ok()) {
      made.IgnoreError();  // it is asked again in the next round
      return false;
    }
    rows = *std::move(made);
  }
  const std::size_t dimension = embedder->dimension();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const VectorView row = VectorView(rows).subspan(i * dimension, dimension);
    additions.push_back({.id = entries[i].id, .vector = IsZero(row) ? VectorView() : row});
  }
  return add_(additions);
}

}  // namespace nearhit
