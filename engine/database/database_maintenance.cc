// What a database does in the background: clears what was dropped or has expired, flushes, and
// writes index snapshots.

#include <chrono>

#include "engine/database/database_impl.h"
#include "engine/database/reembed.h"

namespace nearhit {

// Removes the contents of dropped namespaces; what a crash interrupts is begun again.
Status DatabaseImpl::DropContents() {
  std::vector<NamespaceNumber> numbers;
  {
    MutexLock admin(&admin_mu_);
    numbers = catalogue_->dropped();
  }
  for (const NamespaceNumber number : numbers) {
    NEARHIT_RETURN_IF_ERROR(store_->DropPrefix(NamespacePrefix(number)));
    MutexLock admin(&admin_mu_);
    NEARHIT_RETURN_IF_ERROR(catalogue_->FinishDrop(number));
  }
  return Status();
}

Status DatabaseImpl::RunMaintenance() {
  MutexLock turn(&maintenance_mu_);
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
