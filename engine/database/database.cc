// The namespaces of a database: made, listed, changed, dropped, and the handles to them.

#include <algorithm>
#include <utility>

#include "engine/database/database_impl.h"
#include "engine/database/namespace_embedder.h"
#include "engine/database/namespace_update.h"
#include "engine/database/validate.h"

namespace nearhit {

namespace {

Status NoSuchNamespace(std::string_view name) {
  return NotFound("namespace \"" + std::string(name.substr(0, kMaxNamespaceNameBytes)) +
                  "\" does not exist");
}

}  // namespace

Status Database::CheckNamespace(std::string_view name, const NamespaceConfig& config) {
  NEARHIT_RETURN_IF_ERROR(CheckName(name));
  return CheckConfig(config).status();
}

Status DatabaseImpl::CreateNamespace(std::string_view name, const NamespaceConfig& config) {
  NEARHIT_RETURN_IF_ERROR(CheckName(name));
  NEARHIT_ASSIGN_OR_RETURN(NamespaceConfig checked, CheckConfig(config));
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const Embedder> embedder, EmbedderOf(&checked));
  MutexLock admin(&admin_mu_);
  const auto& existing = catalogue_->namespaces();
  if (std::any_of(existing.begin(), existing.end(),
                  [name](const NamespaceRecord& record) { return record.name == name; })) {
    return AlreadyExists("namespace \"" + std::string(name) + "\" exists");
  }
  if (existing.size() >= kMaxNamespaces) {
    return ResourceExhausted("there are " + std::to_string(existing.size()) +
                             " namespaces, the limit is " + std::to_string(kMaxNamespaces));
  }
  NamespaceRecord record{.name = std::string(name),
                         .number = catalogue_->NextNumber(),
                         .key_number = catalogue_->NextNumber(),
                         .config = checked,
                         .embedder_identity = IdentityOf(embedder.get()),
                         .created_us = clock().NowMicros()};
  NEARHIT_ASSIGN_OR_RETURN(Contents contents, OpenContents(record, std::move(embedder)));
  NEARHIT_RETURN_IF_ERROR(catalogue_->Put(record));
  WriterLock lock(&spaces_mu_);
  spaces_[record.name] = std::make_shared<Namespace>(&clock(), options_.max_payload_bytes, record,
                                                     std::move(contents));
  return Status();
}

NamespaceInfo DatabaseImpl::InfoOf(const Namespace& space) const {
  const Namespace::Call call(&space);
  NamespaceInfo info;
  if (!call.status().ok()) {
    return info;  // closed a moment ago: an empty name
  }
  const NamespaceRecord& record = call.record();
  info = {.name = record.name,
          .config = record.config,
          .embedder_identity = record.embedder_identity,
          .created_us = record.created_us,
          .stats = {},
          .reembedding = {}};
  const CollectionStats stats = call.collection().stats();
  info.stats.entries = stats.size.entries;
  info.stats.bytes = stats.size.bytes;
  info.stats.partitions = stats.partitions;
  info.stats.graph_partitions = stats.graph_partitions;
  info.stats.index_bytes = stats.index_bytes;
  info.stats.damaged_entries = stats.damaged;
  if (record.config.dimension != 0) {
    info.stats.entries_without_vector = stats.without_vector;
  }
  if (record.config.kind == NamespaceKind::kCache) {
    call.cache().AddStats(&info.stats);
  } else {
    call.vectors().AddStats(&info.stats);
  }
  if (const std::shared_ptr<Reembedding> change = reembeddings_.Find(record.name)) {
    info.reembedding = change->Info();
    info.reembedding->total = info.stats.entries;
    info.reembedding->done = std::min(info.reembedding->done, info.stats.entries);
  }
  return info;
}

Result<std::shared_ptr<Namespace>> DatabaseImpl::Named(std::string_view name) const {
  ReaderLock lock(&spaces_mu_);
  const auto found = spaces_.find(name);
  if (found == spaces_.end()) {
    return NoSuchNamespace(name);
  }
  return found->second;
}

std::vector<std::shared_ptr<Namespace>> DatabaseImpl::All() const {
  ReaderLock lock(&spaces_mu_);
  std::vector<std::shared_ptr<Namespace>> all;
  for (const auto& [name, space] : spaces_) {
    all.push_back(space);
  }
  return all;
}

Result<std::vector<NamespaceInfo>> DatabaseImpl::ListNamespaces() const {
  std::vector<NamespaceInfo> list;
  for (const std::shared_ptr<Namespace>& space : All()) {
    NamespaceInfo info = InfoOf(*space);
    if (!info.name.empty()) {
      list.push_back(std::move(info));
    }
  }
  return list;
}

Result<NamespaceInfo> DatabaseImpl::DescribeNamespace(std::string_view name) const {
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Named(name));
  NamespaceInfo info = InfoOf(*space);
  return info.name.empty() ? Result<NamespaceInfo>(NoSuchNamespace(name)) : std::move(info);
}

Status DatabaseImpl::UpdateNamespace(std::string_view name, const NamespaceUpdate& update) {
  MutexLock admin(&admin_mu_);
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Named(name));
  NamespaceRecord record = *catalogue_->Find(name);
  NamespaceConfig config = record.config;
  NEARHIT_RETURN_IF_ERROR(ApplyUpdate(update, &config));
  if (!update.embedder && !update.reembed) {  // the embedder stays, whether it can be made or not
    record.config = config;
    NEARHIT_RETURN_IF_ERROR(catalogue_->Put(record));
    space->Configure(record);
    return Status();
  }
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const Embedder> embedder, EmbedderOf(&config));
  const std::string identity = IdentityOf(embedder.get());
  NEARHIT_ASSIGN_OR_RETURN(const bool reembed, NeedsReembedding(update, record, config, identity));
  if (!reembed) {
    record.config = config;
    const bool cancels = record.reembedding.has_value();
    record.reembedding.reset();
    NEARHIT_RETURN_IF_ERROR(catalogue_->Put(record));
    if (cancels) {
      reembeddings_.Cancel(name);
    }
    space->Configure(record, std::move(embedder));
    return Status();
  }
  // What belongs to the vectors stays as it is until the switch.
  PendingReembedding change{.from = record.number,
                            .to = catalogue_->NextNumber(),
                            .key_number = record.key_number,
                            .dimension = config.dimension,
                            .identity = identity,
                            .threshold = update.threshold,
                            .embedder = config.embedder};
  if (record.reembedding && record.reembedding->identity == identity &&
      record.reembedding->dimension == change.dimension) {
    change.to = record.reembedding->to;  // the same model elsewhere: its vectors are good
    change.key_number = record.reembedding->key_number;
  }
  config.embedder = record.config.embedder;
  config.dimension = record.config.dimension;
  config.threshold = record.config.threshold;
  const bool configures = config != record.config;
  record.config = config;
  record.reembedding = std::move(change);
  NEARHIT_RETURN_IF_ERROR(catalogue_->Put(record));
  if (configures) {
    space->Configure(record);
  }
  StartReembedding(record, std::move(space), std::move(embedder));
  return Status();
}

Status DatabaseImpl::DropNamespace(std::string_view name) {
  MutexLock admin(&admin_mu_);
  NEARHIT_ASSIGN_OR_RETURN(const std::shared_ptr<Namespace> space, Named(name));
  NEARHIT_RETURN_IF_ERROR(catalogue_->Remove(name));
  {
    WriterLock lock(&spaces_mu_);  // after the write: calls on all namespaces would wait for it
    spaces_.erase(spaces_.find(name));
  }
  reembeddings_.Cancel(name);
  space->Close(NoSuchNamespace(name));
  return Status();
}

Result<std::shared_ptr<Namespace>> DatabaseImpl::Find(std::string_view name,
                                                      NamespaceKind kind) const {
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Named(name));
  const Namespace::Call call(space.get());
  if (call.status().ok() && call.record().config.kind != kind) {
    return FailedPrecondition(
        "namespace \"" + std::string(name) + "\" is of kind " +
        (kind == NamespaceKind::kCache ? "vectors, not cache" : "cache, not vectors"));
  }
  return space;
}

Result<std::shared_ptr<SemanticCache>> DatabaseImpl::Cache(std::string_view name) {
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Find(name, NamespaceKind::kCache));
  return MakeCacheHandle(std::move(space));
}

Result<std::shared_ptr<VectorStore>> DatabaseImpl::Vectors(std::string_view name) {
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Find(name, NamespaceKind::kVectors));
  return MakeVectorsHandle(std::move(space));
}

DatabaseStats DatabaseImpl::Stats() const {
  DatabaseStats stats;
  for (const std::shared_ptr<Namespace>& space : All()) {
    const NamespaceInfo info = InfoOf(*space);
    ++stats.namespaces;
    stats.entries += info.stats.entries;
    stats.bytes += info.stats.bytes;
    stats.index_bytes += info.stats.index_bytes;
  }
  stats.disk_bytes = store_->DiskBytes();
  stats.last_sequence = store_->LatestSequence();
  stats.lost_sequences = store_->lost_sequences();
  stats.open_seconds = open_seconds_;
  stats.entries_from_snapshots = entries_from_snapshots_;
  return stats;
}

}  // namespace nearhit
