#include "engine/database/reembedding.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/normalize.h"

namespace nearhit {

namespace {

using std::chrono::milliseconds;

// A page ends after so many texts or, answers included, bytes. It bounds what one call of the
// embedder has to do, and so how long closing the database waits.
constexpr std::size_t kPageTexts = 64;
constexpr std::uint64_t kPageBytes = std::uint64_t{8} << 20U;
// Ids looked at in one go; most of them need nothing.
constexpr std::size_t kIds = std::size_t{1} << 16U;

// How long writes are to wait for what is left: a little, or not quite so little when after some
// rounds as much as before came anew meanwhile. What makes it longer in spite of that is given up.
constexpr milliseconds kPause{100};
constexpr milliseconds kPatientPause{1'000};
constexpr std::size_t kPatientAfter = 16;
constexpr milliseconds kLongestPause{2'000};
// Until the first page has been measured.
constexpr milliseconds kTextTime{3};

constexpr milliseconds kLongestPage{30'000};
constexpr milliseconds kLongestWait{60'000};

PutRequest ToPut(const StoredEntry& entry, std::string_view scope,
                 std::span<const std::string> tags) {
  const PayloadRecord& record = entry.record;
  PutRequest put;
  put.scope = scope;
  put.key = record.key;
  put.payload = record.payload;
  put.content_type = record.content_type;
  put.model = record.model;
  put.prompt_tokens = record.prompt_tokens;
  put.answer_tokens = record.answer_tokens;
  put.cost = record.cost;
  put.tags = tags;
  put.expires_us = record.expires_us;
  put.id = entry.id;
  put.created_us = record.created_us;
  return put;
}

}  // namespace

// What one step is about.
struct Reembedding::Page {
  std::size_t taken = 0;      // so many of pending_ are dealt with by it
  std::vector<EntryId> gone;  // in the copy, but no longer in the namespace
  std::vector<StoredEntry> entries;
  std::map<PartitionNumber, std::string> scopes;
};

Reembedding::Reembedding(std::string name, std::shared_ptr<Namespace> space,
                         PendingReembedding change, std::shared_ptr<const Embedder> embedder,
                         OpenCollection open)
    : space_(std::move(space)),
      name_(std::move(name)),
      change_(std::move(change)),
      open_(std::move(open)),
      embedder_(std::move(embedder)),
      page_size_(std::min(kPageTexts, std::max<std::size_t>(1, change_.embedder.max_batch))),
      text_time_(kTextTime),
      asked_(embedder_) {
}

Reembedding::~Reembedding() = default;

Result<bool> Reembedding::Advance() {
  NEARHIT_RETURN_IF_ERROR(CheckRunning());
  NEARHIT_RETURN_IF_ERROR(Prepare());
  Page page;
  {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(Refill(call.collection()));
    if (pass_ == Pass::kChanges && pending_.size() <= CatchUpLimit() && !retry_unpaused_) {
      return true;
    }
    NEARHIT_ASSIGN_OR_RETURN(page, ReadPage(call.collection()));
  }
  const std::size_t most =
      std::min(kPageTexts, std::max<std::size_t>(1, change_.embedder.max_batch));
  const Status done = ApplyPage(
      page, std::chrono::steady_clock::now() + std::min(change_.embedder.timeout, kLongestPage));
  if (done.ok()) {
    page_size_ = std::min(most, page_size_ * 2);
    retry_unpaused_ = false;
  } else if (done.code() == StatusCode::kDeadlineExceeded) {
    page_size_ = std::max<std::size_t>(1, page_size_ / 2);  // a slow model gets smaller pages
  }
  NEARHIT_RETURN_IF_ERROR(done);
  // Partitions become graphs while they grow, so that none has to after the switch.
  NEARHIT_RETURN_IF_ERROR(target_->Maintain(&space_->closing()));
  return false;
}

Result<bool> Reembedding::CatchUp(Collection& old) {
  NEARHIT_RETURN_IF_ERROR(TakeChanges(old));
  if (pass_ != Pass::kChanges || pending_.size() > 2 * CatchUpLimit()) {
    return false;
  }
  const TimePoint deadline = std::chrono::steady_clock::now() + kLongestPause;
  while (!pending_.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(const Page page, ReadPage(old));
    const Status done = ApplyPage(page, deadline);
    retry_unpaused_ = !done.ok();
    NEARHIT_RETURN_IF_ERROR(done);
  }
  const auto left_out =
      std::count_if(unreadable_.begin(), unreadable_.end(),
                    [&old](std::uint64_t id) { return old.Contains(EntryId{id}); });
  if (target_->size().entries + static_cast<std::uint64_t>(left_out) != old.size().entries) {
    Begin(Pass::kOld);
    return Internal("the entries that were embedded again are not those that are stored");
  }
  return true;
}

std::unique_ptr<Collection> Reembedding::Finish() {
  MutexLock lock(&mu_);
  return std::move(copy_);
}

void Reembedding::Cancel() {
  {
    MutexLock lock(&mu_);
    cancelled_ = true;
  }
  const Namespace::Call call(space_.get());
  if (call.status().ok()) {
    call.collection().changes().Stop();
  }
}

void Reembedding::StopWaiting() {
  MutexLock lock(&mu_);
  stopped_ = true;
  if (asked_ != nullptr) {
    asked_->Stop();
  }
}

Status Reembedding::WriteSnapshots() {
  MutexLock lock(&mu_);
  return copy_ == nullptr ? Status() : copy_->WriteSnapshots();
}

bool Reembedding::ScheduleNext(const Status& status, milliseconds first_wait) {
  failures_ = status.ok() ? 0 : failures_ + 1;
  const auto wait = std::min(kLongestWait, first_wait * (1 << std::clamp(failures_ - 1, 0, 20)));
  due_ = std::chrono::steady_clock::now() + (status.ok() ? milliseconds(0) : wait);
  std::string error = status.ok() ? std::string() : status.ToString();
  MutexLock lock(&mu_);
  std::swap(last_error_, error);
  return !last_error_.empty() && last_error_ != error;
}

ReembeddingInfo Reembedding::Info() const {
  MutexLock lock(&mu_);
  return {.identity = change_.identity,
          .done = copy_ == nullptr ? 0 : copy_->size().entries,
          .total = 0,
          .last_error = last_error_};
}

Status Reembedding::CheckRunning() const {
  MutexLock lock(&mu_);
  return cancelled_ ? Status(StatusCode::kCancelled, "the change of the embedder was cancelled")
                    : Status();
}

Status Reembedding::Prepare() {
  if (embedder_ == nullptr) {
    NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const Embedder> made,
                             MakeEmbedder(change_.embedder, change_.dimension));
    if (made == nullptr || made->identity() != change_.identity ||
        made->dimension() != change_.dimension) {
      return FailedPrecondition("the embedder is " +
                                (made == nullptr ? "none" : std::string(made->identity())) +
                                ", the change was to " + change_.identity);
    }
    embedder_ = std::move(made);
    MutexLock lock(&mu_);
    asked_ = embedder_;
    if (stopped_) {
      embedder_->Stop();
    }
  }
  if (target_ == nullptr) {
    {
      const Namespace::Call call(space_.get());
      NEARHIT_RETURN_IF_ERROR(call.status());
      call.collection().changes().Start();
    }
    NEARHIT_ASSIGN_OR_RETURN(std::unique_ptr<Collection> copy, open_(change_));
    MutexLock lock(&mu_);
    copy_ = std::move(copy);
    target_ = copy_.get();
    service_ = std::make_unique<EmbedderService>(embedder_, change_.embedder,
                                                 target_->options().metric, /*faults=*/nullptr);
  }
  return Status();
}

void Reembedding::Begin(Pass pass) {
  pass_ = pass;
  cursor_ = EntryId{};
}

// Keeps of `ids` those that need anything.
void Reembedding::Enqueue(const Collection& old, std::span<const EntryId> ids) {
  for (const EntryId id : ids) {
    if (old.Contains(id) != target_->Contains(id) && !unreadable_.contains(id.value)) {
      pending_.push_back(id);
    }
  }
}

Status Reembedding::Refill(Collection& old) {
  while (pending_.empty()) {
    if (pass_ == Pass::kChanges) {
      return TakeChanges(old);
    }
    const Collection& from = pass_ == Pass::kOld ? old : *target_;
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids, from.IdsAfter(cursor_, kIds));
    if (ids.empty()) {
      Begin(pass_ == Pass::kOld ? Pass::kNew : Pass::kChanges);
      continue;
    }
    cursor_ = ids.back();
    Enqueue(old, ids);
  }
  return Status();
}

std::size_t Reembedding::CatchUpLimit() const {
  const milliseconds pause = rounds_ < kPatientAfter ? kPause : kPatientPause;
  return static_cast<std::size_t>(std::max<std::int64_t>(1, pause / text_time_));
}

Status Reembedding::TakeChanges(Collection& old) {
  ++rounds_;
  const std::optional<std::vector<EntryId>> changes = old.changes().Take();
  if (!changes) {
    rounds_ = 0;
    Begin(Pass::kOld);
    return Status();
  }
  Enqueue(old, *changes);
  std::sort(pending_.begin(), pending_.end());
  pending_.erase(std::unique(pending_.begin(), pending_.end()), pending_.end());
  return Status();
}

Status Reembedding::ApplyPage(const Page& page, TimePoint deadline) {
  NEARHIT_RETURN_IF_ERROR(EraseFromCopy(page.gone));
  if (!page.entries.empty()) {
    const auto began = std::chrono::steady_clock::now();
    const Status copied = Copy(page, deadline);
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - began;
    const auto each = took / static_cast<std::int64_t>(page.entries.size());
    text_time_ = std::max({each, (text_time_ + each) / 2, std::chrono::nanoseconds(1'000)});
    NEARHIT_RETURN_IF_ERROR(copied);
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(page.taken));
  return Status();
}

Result<Reembedding::Page> Reembedding::ReadPage(const Collection& old) {
  Page page;
  std::uint64_t bytes = 0;
  while (page.taken < pending_.size() && page.entries.size() < page_size_ && bytes < kPageBytes) {
    const EntryId id = pending_[page.taken++];
    const std::optional<std::uint64_t> stored = old.BytesOf(id);
    const bool copied = target_->Contains(id);
    bytes += stored.value_or(0);
    if (stored && !copied) {
      NEARHIT_RETURN_IF_ERROR(ReadEntry(old, id, &page));
    } else if (!stored && copied) {
      page.gone.push_back(id);
    }
  }
  return page;
}

// An entry that was deleted a moment ago is passed over; its change is recorded. So is a damaged
// one: it can be served neither before nor after the switch.
Status Reembedding::ReadEntry(const Collection& old, EntryId id, Page* page) {
  Result<StoredEntry> entry = old.Read(id, ReadMode::kBlocking);
  Status read = entry.status();
  if (read.ok() && !page->scopes.contains(entry->record.partition)) {
    Result<std::string> scope = old.ScopeOf(entry->record.partition, ReadMode::kBlocking);
    read = scope.status();
    if (read.ok()) {
      page->scopes.emplace(entry->record.partition, *std::move(scope));
    }
  }
  if (read.ok()) {
    page->entries.push_back(*std::move(entry));
  } else if (read.code() == StatusCode::kDataLoss) {
    unreadable_.insert(id.value);
  } else if (read.code() != StatusCode::kNotFound) {
    return read;
  }
  return Status();
}

Status Reembedding::EraseFromCopy(std::span<const EntryId> ids) {
  MutexLock lock(&mu_);
  if (cancelled_ || ids.empty()) {
    return Status();
  }
  return target_->Erase(ids, /*sync=*/false).status();
}

Status Reembedding::Copy(const Page& page, TimePoint deadline) {
  std::vector<std::string_view> texts;
  std::vector<std::vector<std::string>> tags;
  texts.reserve(page.entries.size());
  tags.reserve(page.entries.size());
  for (const StoredEntry& entry : page.entries) {
    texts.push_back(entry.record.key);
    tags.emplace_back(entry.record.tags.begin(), entry.record.tags.end());
  }
  NEARHIT_ASSIGN_OR_RETURN(
      const std::vector<float> rows,
      service_->EmbedForIndex(texts, {.deadline = deadline, .admission = EmbedAdmission::kAlways}));
  std::vector<PutRequest> puts;
  puts.reserve(page.entries.size());
  for (std::size_t i = 0; i < page.entries.size(); ++i) {
    const StoredEntry& entry = page.entries[i];
    PutRequest put = ToPut(entry, page.scopes.at(entry.record.partition), tags[i]);
    const VectorView row = VectorView(rows).subspan(i * change_.dimension, change_.dimension);
    put.unreadable_text = IsZero(row);
    if (!put.unreadable_text) {
      put.vector = row;
    }
    puts.push_back(put);
  }
  MutexLock lock(&mu_);
  if (cancelled_) {
    return Status(StatusCode::kCancelled, "the change of the embedder was cancelled");
  }
  return target_->Put(puts, /*sync=*/false).status();
}

}  // namespace nearhit
