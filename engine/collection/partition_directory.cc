#include "engine/collection/partition_directory.h"

#include <algorithm>
#include <utility>

namespace nearhit {

std::vector<PartitionPtr> PartitionDirectory::All() const {
  ReaderLock lock(&mu_);
  return {table_.all().begin(), table_.all().end()};
}

void PartitionDirectory::Load(PartitionNumber number, const Hash128& scope_hash,
                              std::string_view scope) {
  PartitionPtr partition = PartitionPtr::Make(number, scope_hash, scope, shape_);
  partition->stored.store(true);
  WriterLock lock(&mu_);
  table_.Insert(std::move(partition));
  next_ = std::max(next_, number + 1);
}

PartitionPtr PartitionDirectory::Pin(const Hash128& scope_hash, std::string_view scope) {
  WriterLock lock(&mu_);
  PartitionPtr partition = table_.FindScope(scope_hash);
  if (partition == nullptr) {
    partition = PartitionPtr::Make(next_++, scope_hash, scope, shape_);
    table_.Insert(partition);
  }
  partition->in_use.fetch_add(1);
  return partition;
}

std::vector<PartitionNumber> PartitionDirectory::DropEmpty() {
  // Lookups share the lock. So they wait for the erasing only, once it is known that there is
  // something to erase.
  const std::vector<PartitionPtr> partitions = All();
  if (std::none_of(partitions.begin(), partitions.end(),
                   [](const PartitionPtr& partition) { return partition->in_use.load() == 0; })) {
    return {};
  }
  std::vector<PartitionNumber> dropped;
  WriterLock lock(&mu_);
  for (std::size_t slot = 0; slot < table_.size();) {
    const PartitionPtr& partition = table_.all()[slot];
    if (partition->in_use.load() == 0) {
      dropped.push_back(partition->number);
      table_.EraseAt(slot);
    } else {
      ++slot;
    }
  }
  return dropped;
}

}  // namespace nearhit
