// Changes of embedders: their beginning, and the switch at the end.

#include <memory>
#include <utility>

#include "engine/database/database_impl.h"

namespace nearhit {

void DatabaseImpl::StartReembedding(const NamespaceRecord& record, std::shared_ptr<Namespace> space,
                                    std::shared_ptr<const Embedder> embedder) {
  Log(LogLevel::kInfo,
      "namespace " + record.name + " is being re-embedded with " + record.reembedding->identity);
  const auto open = [this, config = record.config](const PendingReembedding& change) {
    return OpenCollection(change.to, change.key_number, change.dimension, config.metric,
                          config.kind);
  };
  reembeddings_.Add(std::make_shared<Reembedding>(record.name, std::move(space),
                                                  *record.reembedding, std::move(embedder), open));
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
  if (!reembeddings_.IsCurrent(*change)) {
    return Status(StatusCode::kCancelled, "the change of the embedder was cancelled");
  }
  NamespaceRecord record = *catalogue_->Find(change->name());
  record.number = record.reembedding->to;
  record.key_number = record.reembedding->key_number;
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
  LabelBook& labels = call.cache().labels();
  NEARHIT_RETURN_IF_ERROR(labels.CopyTo(record.number));
  NEARHIT_RETURN_IF_ERROR(catalogue_->Put(record));
  labels.GoOnIn(record.number);
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
  reembeddings_.Take(record.name);
  return true;
}

}  // namespace nearhit
