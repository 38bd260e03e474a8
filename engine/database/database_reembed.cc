// Changes of embedders: who works on them, when, and the switch at the end.

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/database/database_impl.h"

namespace nearhit {

namespace {
constexpr std::chrono::hours kNothingToDo{1};
}  // namespace

void DatabaseImpl::StartReembedding(const NamespaceRecord& record, std::shared_ptr<Namespace> space,
                                    std::shared_ptr<const Embedder> embedder) {
  CancelReembedding(record.name);
  Log(LogLevel::kInfo,
      "namespace " + record.name + " is being re-embedded with " + record.reembedding->identity);
  const auto open = [this, config = record.config](const PendingReembedding& change) {
    return OpenCollection(change.to, change.dimension, config.metric, config.kind);
  };
  auto started = std::make_shared<Reembedding>(record.name, std::move(space), *record.reembedding,
                                               std::move(embedder), open);
  {
    MutexLock lock(&reembeddings_mu_);
    reembeddings_[record.name] = std::move(started);
  }
  MutexLock lock(&stop_mu_);
  new_reembedding_ = true;
  stop_changed_.NotifyAll();
}

void DatabaseImpl::CancelReembedding(std::string_view name) {
  std::shared_ptr<Reembedding> cancelled;
  {
    MutexLock lock(&reembeddings_mu_);
    const auto found = reembeddings_.find(name);
    if (found == reembeddings_.end()) {
      return;
    }
    cancelled = std::move(found->second);
    reembeddings_.erase(found);
  }
  cancelled->Cancel();
}

std::vector<std::shared_ptr<Reembedding>> DatabaseImpl::Reembeddings() const {
  MutexLock lock(&reembeddings_mu_);
  std::vector<std::shared_ptr<Reembedding>> all;
  for (const auto& [name, change] : reembeddings_) {
    all.push_back(change);
  }
  return all;
}

Result<bool> DatabaseImpl::SwitchOver(Reembedding* change) {
  NamespaceNumber old = 0;
  {
    MutexLock admin(&admin_mu_);
    NEARHIT_ASSIGN_OR_RETURN(const bool published, PublishCopy(change));
    if (!published) {
      return false;
    }
    old = change->change().from;
    retiring_.insert(old);
  }
  // With no lock held: those that still read the old contents may take their time.
  change->space().Retire();
  MutexLock admin(&admin_mu_);
  retiring_.erase(old);
  return true;
}

Result<bool> DatabaseImpl::PublishCopy(Reembedding* change) {
  if (!IsCurrent(*change)) {
    return Status(StatusCode::kCancelled, "the change of the embedder was cancelled");
  }
  NamespaceRecord record = *catalogue_->Find(change->name());
  record.number = record.reembedding->to;
  record.embedder_identity = record.reembedding->identity;
  record.config.embedder = record.reembedding->embedder;
  record.config.dimension = record.reembedding->dimension;
  record.config.threshold = record.reembedding->threshold.value_or(record.config.threshold);
  record.reembedding.reset();

  // In the order in which writes take the two.
  const Namespace::Call call(&change->space());
  NEARHIT_RETURN_IF_ERROR(call.status());
  nearhit::Cache::WritePause pause(&call.cache());
  NEARHIT_ASSIGN_OR_RETURN(const bool complete, change->CatchUp(call.collection()));
  if (!complete) {
    return false;
  }
  NEARHIT_RETURN_IF_ERROR(catalogue_->Put(record));
  Contents contents;
  contents.collection = change->Finish();
  contents.cache = std::make_unique<nearhit::Cache>(contents.collection.get(), call.cache(),
                                                    change->embedder(), record.config);
  change->space().Publish(record, std::move(contents));
  pause.Retire();
  std::string line = "namespace " + record.name + " has switched to " + record.embedder_identity;
  if (change->unreadable() > 0) {
    line += "; " + std::to_string(change->unreadable()) +
            " entries whose stored bytes are damaged were left out";
  }
  Log(LogLevel::kInfo, line);
  MutexLock lock(&reembeddings_mu_);
  reembeddings_.erase(record.name);
  return true;
}

bool DatabaseImpl::IsCurrent(const Reembedding& change) const {
  MutexLock lock(&reembeddings_mu_);
  const auto found = reembeddings_.find(change.name());
  return found != reembeddings_.end() && found->second.get() == &change;
}

void DatabaseImpl::NoteOutcome(Reembedding* change, const Status& status) {
  if (!IsCurrent(*change) || closing_) {
    status.IgnoreError();  // it has switched, or was cancelled and failed over that
    return;
  }
  const auto first_wait = std::chrono::milliseconds(options_.maintenance_interval_ms);
  if (change->NoteOutcome(status, first_wait)) {
    Log(LogLevel::kWarning, "re-embedding namespace " + change->name() +
                                " failed and will be tried again: " + status.ToString());
  }
}

Reembedding::TimePoint DatabaseImpl::AdvanceReembeddings() {
  const auto now = std::chrono::steady_clock::now();
  auto next = now + kNothingToDo;
  for (const std::shared_ptr<Reembedding>& change : Reembeddings()) {
    if (closing_) {
      break;
    }
    if (change->due() <= now) {
      Result<bool> done = change->Advance();
      if (done.ok() && *done) {
        done = SwitchOver(change.get());
      }
      NoteOutcome(change.get(), done.status());
      if (done.ok() && *done) {
        continue;
      }
    }
    next = std::min(next, change->due());
  }
  return next;
}

void DatabaseImpl::RunReembeddings() {
  for (const std::shared_ptr<Reembedding>& change : Reembeddings()) {
    Result<bool> done = false;
    while (done.ok() && !*done) {
      done = change->Advance();
      if (done.ok() && *done) {
        done = SwitchOver(change.get());
      }
    }
    NoteOutcome(change.get(), done.status());
  }
}

void DatabaseImpl::ReembeddingLoop() {
  auto next = std::chrono::steady_clock::now();
  while (true) {
    {
      MutexLock lock(&stop_mu_);
      while (!stop_ && !new_reembedding_ && stop_changed_.WaitUntil(&stop_mu_, next)) {
      }
      if (stop_) {
        return;
      }
      new_reembedding_ = false;
    }
    next = AdvanceReembeddings();
  }
}

}  // namespace nearhit
