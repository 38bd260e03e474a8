// What a database does in the background: clears what was dropped or has expired, flushes, and
// writes index snapshots. And backups.

#include <chrono>
#include <utility>

#include "engine/database/database_impl.h"

namespace nearhit {

namespace {

// Of a round in the background, for dropped contents: expiry and flushes are not to wait for all of
// many.
constexpr std::chrono::milliseconds kDropTime{500};

void KeepFirst(Status status, Status* first) {
  if (first->ok()) {
    *first = std::move(status);
  } else {
    status.IgnoreError();
  }
}

// "<number>-<partition>.index", and what was set aside of it.
void RemoveSnapshots(const std::filesystem::path& folder, NamespaceNumber number) {
  const std::string prefix = std::to_string(number) + "-";
  std::error_code ignored;  // a file that stays is only space
  for (auto file = std::filesystem::directory_iterator(folder, ignored);
       file != std::filesystem::directory_iterator(); file.increment(ignored)) {
    if (file->path().filename().string().starts_with(prefix)) {
      std::filesystem::remove(file->path(), ignored);
    }
  }
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
                               NEARHIT_REQUIRES(admin_mu_) { return retiring_.contains(number); });
  }
  Status first;
  const auto began = std::chrono::steady_clock::now();
  for (const NamespaceNumber number : numbers) {
    const bool late =
        options_.background_maintenance && std::chrono::steady_clock::now() - began > kDropTime;
    if (late || closing_.load(std::memory_order_relaxed)) {
      break;
    }
    Status dropped = store_->DropPrefix(NamespacePrefix(number));
    if (dropped.ok()) {
      RemoveSnapshots(snapshot_dir_, number);
      MutexLock admin(&admin_mu_);
      dropped = catalogue_->FinishDrop(number);
    }
    KeepFirst(std::move(dropped), &first);
  }
  return first;
}

Status DatabaseImpl::RunMaintenance() {
  MutexLock turn(&maintenance_mu_);
  if (!options_.background_maintenance) {
    reembeddings_.RunAll();
  }
  // What fails in one namespace keeps no other from its turn.
  Status first = DropContents();
  for (const std::shared_ptr<Namespace>& space : All()) {
    if (closing_.load(std::memory_order_relaxed)) {
      break;
    }
    const Namespace::Call call(space.get());
    if (!call.status().ok()) {
      continue;
    }
    Status done = call.record().config.kind == NamespaceKind::kCache
                      ? call.cache().Maintain(&call.closing())
                      : call.vectors().Maintain(call.closing());
    KeepFirst(std::move(done), &first);
  }
  return first;
}

Status DatabaseImpl::WriteSnapshots() {
  MutexLock turn(&snapshots_mu_);
  Status first;
  for (const std::shared_ptr<Namespace>& space : All()) {
    const Namespace::Call call(space.get());
    if (call.status().ok()) {
      KeepFirst(call.collection().WriteSnapshots(), &first);
    }
  }
  return first;
}

Result<BackupInfo> DatabaseImpl::Backup(const std::filesystem::path& directory) {
  const auto began = std::chrono::steady_clock::now();
  NEARHIT_ASSIGN_OR_RETURN(BackupInfo info, store_->Backup(directory));
  info.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return info;
}

void DatabaseImpl::MaintenanceLoop() {
  const auto interval = std::chrono::milliseconds(options_.maintenance_interval_ms);
  FaultLog rounds("background maintenance", LogSink());
  FaultLog flushes("making writes durable", LogSink());
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
    rounds.Note(RunMaintenance());
    flushes.Note(store_->Flush());
    next = std::chrono::steady_clock::now() + interval;
  }
}

}  // namespace nearhit
