// What a database does in the background: clears what was dropped or has expired, flushes, and
// writes index snapshots.

#include <chrono>

#include "engine/database/database_impl.h"

namespace nearhit {

namespace {

constexpr std::size_t kReclaim = 4'096;

// A namespace without a cache: expiry, then what every collection needs.
Status MaintainVectors(Collection& collection) {
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids, collection.ExpiredIds(kReclaim));
    if (ids.empty()) {
      break;
    }
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> erased, collection.Erase(ids, false));
    if (erased.empty()) {
      break;  // rows of expiry without an entry; nothing to gain from asking again
    }
  }
  return collection.Maintain();
}

}  // namespace

// Removes the contents of dropped namespaces and those that a re-embedding left; what a crash
// interrupts is begun again.
Status DatabaseImpl::DropContents() {
  std::vector<NamespaceNumber> numbers;
  {
    MutexLock admin(&admin_mu_);
    numbers = catalogue_->dropped();
    std::erase_if(numbers, [this](NamespaceNumber number)
                               REQUIRES(admin_mu_) { return retiring_.contains(number); });
  }
  for (const NamespaceNumber number : numbers) {
    NEARHIT_RETURN_IF_ERROR(store_->DropPrefix(NamespacePrefix(number)));
    RemoveSnapshots(number);
    MutexLock admin(&admin_mu_);
    NEARHIT_RETURN_IF_ERROR(catalogue_->FinishDrop(number));
  }
  return Status();
}

// "<number>-<partition>.index", and what was set aside of it.
void DatabaseImpl::RemoveSnapshots(NamespaceNumber number) const {
  const std::string prefix = std::to_string(number) + "-";
  std::error_code ignored;  // a file that stays is only space
  for (auto file = std::filesystem::directory_iterator(SnapshotDir(), ignored);
       file != std::filesystem::directory_iterator(); file.increment(ignored)) {
    if (file->path().filename().string().starts_with(prefix)) {
      std::filesystem::remove(file->path(), ignored);
    }
  }
}

Status DatabaseImpl::RunMaintenance() {
  MutexLock turn(&maintenance_mu_);
  if (!options_.background_maintenance) {
    RunReembeddings();
  }
  NEARHIT_RETURN_IF_ERROR(DropContents());
  for (const std::shared_ptr<Namespace>& space : All()) {
    const Namespace::Call call(space.get());
    if (!call.status().ok()) {
      continue;
    }
    NEARHIT_RETURN_IF_ERROR(call.record().config.kind == NamespaceKind::kCache
                                ? call.cache().Maintain()
                                : MaintainVectors(call.collection()));
  }
  return Status();
}

Status DatabaseImpl::WriteSnapshots() {
  for (const std::shared_ptr<Namespace>& space : All()) {
    const Namespace::Call call(space.get());
    if (call.status().ok()) {
      NEARHIT_RETURN_IF_ERROR(call.collection().WriteSnapshots());
    }
  }
  return Status();
}

void DatabaseImpl::MaintenanceLoop() {
  const auto interval = std::chrono::milliseconds(options_.maintenance_interval_ms);
  auto next = std::chrono::steady_clock::now() + interval;
  while (true) {
    {
      MutexLock lock(&stop_mu_);
      while (!stop_ && stop_changed_.WaitUntil(&stop_mu_, next)) {
      }
      if (stop_) {
        return;
      }
    }
    if (const Status done = RunMaintenance(); !done.ok()) {
      Log(LogLevel::kWarning, "a round of maintenance failed: " + done.ToString());
    }
    if (const Status flushed = store_->Flush(); !flushed.ok()) {
      Log(LogLevel::kWarning, "flushing the log failed: " + flushed.ToString());
    }
    next = std::chrono::steady_clock::now() + interval;
  }
}

}  // namespace nearhit
