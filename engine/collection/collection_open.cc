// Collection: opening (storage is the truth, memory is derived), snapshots and maintenance.

#include <algorithm>
#include <charconv>
#include <future>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/normalize.h"
#include "engine/collection/collection.h"
#include "engine/collection/stored_vectors.h"
#include "index/snapshot.h"

namespace nearhit {

namespace {
// Smaller partitions are rebuilt faster than a file is opened.
constexpr std::size_t kSnapshotEntries = 2'000;

IndexMetric ToIndexMetric(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return IndexMetric::kCosine;
    case Metric::kInnerProduct:
      return IndexMetric::kDot;
    case Metric::kL2:
      return IndexMetric::kL2;
  }
  return IndexMetric::kDot;
}

// Of long scopes that are kept in memory, in each namespace.
constexpr std::size_t kLongScopeBytes = std::size_t{16} << 20;

bool IsEmpty(const PartitionPtr& partition) {
  return partition->in_use.load() == 0;
}
}  // namespace

Collection::Collection(KvStore* store, const Clock* clock, IdAllocator* ids,
                       const HashSecret& secret, const CollectionOptions& options)
    : store_(store),
      clock_(clock),
      ids_(ids),
      secret_(secret),
      options_(options),
      long_scopes_(kLongScopeBytes) {
}

Collection::~Collection() = default;

IndexShape Collection::index_shape() const {
  return {.dimension = options_.dimension,
          .metric = ToIndexMetric(options_.metric),
          .graph_threshold = options_.graph_threshold};
}

Result<std::unique_ptr<Collection>> Collection::Open(KvStore* store, const Clock* clock,
                                                     IdAllocator* ids, const HashSecret& secret,
                                                     const CollectionOptions& options) {
  std::unique_ptr<Collection> collection(new Collection(store, clock, ids, secret, options));
  NEARHIT_RETURN_IF_ERROR(collection->LoadPartitions());
  // Two halves of a start that take as long as each other: files and storage.
  std::future<std::vector<PartitionNumber>> damaged_files =
      std::async(std::launch::async, [&collection] { return collection->LoadSnapshots(); });
  Status loaded = collection->LoadHeaders();
  if (loaded.ok()) {
    loaded = collection->LoadTags();
  }
  collection->SetAside(damaged_files.get());
  NEARHIT_RETURN_IF_ERROR(loaded);
  NEARHIT_RETURN_IF_ERROR(collection->LoadIndexes());
  return collection;
}

Status Collection::LoadPartitions() {
  const std::string begin = NamespacePrefix(options_.ns);
  Status damaged;
  const auto visit = [this, &damaged](std::string_view key, std::string_view value) {
    const std::optional<PartitionNumber> number = ParsePartitionKey(key);
    const Result<std::string_view> scope = DecodePartition(key, value);
    if (!scope.ok()) {
      damaged = scope.status();
      return false;
    }
    if (!number) {
      damaged = DataLoss("a partition key has the wrong shape");
      return false;
    }
    PartitionPtr partition = PartitionPtr::Make(*number, ScopeHash(*scope), *scope, index_shape());
    partition->stored.store(true);
    WriterLock lock(&partitions_mu_);
    partitions_.Insert(std::move(partition));
    next_partition_ = std::max(next_partition_, *number + 1);
    return true;
  };
  NEARHIT_RETURN_IF_ERROR(
      store_->Scan(Family::kPartitions, begin, PrefixEnd(begin), {.fill_cache = false}, visit));
  return damaged;
}

Status Collection::LoadHeaders() {
  const std::string begin = NamespacePrefix(options_.ns);
  Status damaged;
  const auto visit = [this, &damaged](std::string_view key, std::string_view value) {
    const std::optional<EntryId> id = ParseEntryKey(key);
    const Result<HeaderRecord> header = DecodeHeader(key, value);
    if (!header.ok()) {
      damaged = header.status();
      return false;
    }
    if (!id) {
      damaged = DataLoss("a header key has the wrong shape");
      return false;
    }
    const PartitionPtr partition = PartitionByNumber(header->partition);
    if (partition == nullptr) {
      damaged = DataLoss("entry " + std::to_string(id->value) + " names partition " +
                         std::to_string(header->partition) + ", which is not stored");
      return false;
    }
    partition->in_use.fetch_add(1);
    table_.Insert(*id, {.partition = header->partition,
                        .created_us = header->created_us,
                        .expires_us = header->expires_us,
                        .key_hash = header->key_hash,
                        .bytes = header->bytes,
                        .has_vector = header->has_vector,
                        .tags = {}});
    return true;
  };
  NEARHIT_RETURN_IF_ERROR(
      store_->Scan(Family::kHeaders, begin, PrefixEnd(begin), {.fill_cache = false}, visit));
  return damaged;
}

Status Collection::LoadTags() {
  const std::string begin = NamespacePrefix(options_.ns);
  // Keys of one tag stand together: intern each tag once.
  std::string_view last_prefix;
  std::string last_key;
  std::vector<TagNumber> tag;
  const auto visit = [&](std::string_view key, std::string_view) {
    const std::optional<EntryId> id = ParseTagKey(key);
    if (!id) {
      return true;
    }
    const std::size_t prefix_bytes = key.size() - sizeof(std::uint64_t);
    if (last_prefix != key.substr(0, prefix_bytes)) {
      last_key = std::string(key);
      last_prefix = std::string_view(last_key).substr(0, prefix_bytes);
      table_.ReleaseTags(tag);
      const std::string text(TagOfKey(key));
      tag = table_.InternTags({&text, 1});
    }
    table_.AddTag(*id, tag.front());
    return true;
  };
  Status read = store_->Scan(Family::kTags, begin, PrefixEnd(begin), {.fill_cache = false}, visit);
  table_.ReleaseTags(tag);
  return read;
}

std::filesystem::path Collection::SnapshotPath(PartitionNumber partition) const {
  return options_.snapshot_dir /
         (std::to_string(options_.ns) + "-" + std::to_string(partition) + ".index");
}

// The partition of a file that SnapshotPath named; nothing for other files.
std::optional<PartitionNumber> Collection::SnapshotPartition(
    const std::filesystem::path& path) const {
  const std::string name = path.filename().string();
  const std::size_t dash = name.find('-');
  PartitionNumber number = 0;
  if (dash == std::string::npos ||
      std::from_chars(name.data() + dash + 1, name.data() + name.size(), number).ec !=
          std::errc() ||
      SnapshotPath(number).filename() != path.filename()) {
    return std::nullopt;
  }
  return number;
}

Status Collection::LoadIndexes() {
  if (options_.dimension == 0) {
    return Status();
  }
  std::unordered_map<PartitionNumber, std::vector<EntryId>> ids_of;
  table_.ForEach([&ids_of](EntryId id, const EntryState& state) {
    if (state.has_vector) {
      ids_of[state.partition].push_back(id);
    }
  });
  for (const PartitionPtr& partition : Partitions()) {
    std::vector<EntryId>& ids = ids_of[partition->number];
    std::sort(ids.begin(), ids.end());  // in the order of storage
    NEARHIT_RETURN_IF_ERROR(LoadIndex(partition.get(), ids));
  }
  return Status();
}

// kDataLoss also when there is none, though the header promises one, and when it is one that was
// never let in.
Status Collection::LoadVector(EntryId id, std::string* buffer, std::vector<float>* vector) const {
  const std::string key = EntryKey(options_.ns, id);
  const Status read = store_->Get(Family::kVectors, key, ReadMode::kBlocking, buffer);
  if (read.code() == StatusCode::kNotFound) {
    return DataLoss("vector of entry " + std::to_string(id.value) + " is missing");
  }
  NEARHIT_RETURN_IF_ERROR(read);
  NEARHIT_RETURN_IF_ERROR(DecodeVector(key, *buffer, *vector));
  return IsValidVector(options_.metric, *vector)
             ? Status()
             : DataLoss("vector of entry " + std::to_string(id.value) + " has no valid length");
}

// Puts the indexes that files hold in place; returns the partitions whose file is no good.
std::vector<PartitionNumber> Collection::LoadSnapshots() {
  std::vector<PartitionNumber> damaged;
  if (options_.snapshot_dir.empty() || options_.dimension == 0) {
    return damaged;
  }
  std::error_code none;  // no folder, no files
  for (const auto& file : std::filesystem::directory_iterator(options_.snapshot_dir, none)) {
    const std::optional<PartitionNumber> number = SnapshotPartition(file.path());
    const PartitionPtr partition = number ? PartitionByNumber(*number) : PartitionPtr();
    if (partition == nullptr) {
      continue;
    }
    const Status loaded = LoadSnapshot(file.path(), &partition->index);
    if (!loaded.ok() && loaded.code() != StatusCode::kNotFound) {
      damaged.push_back(*number);
    }
  }
  return damaged;
}

void Collection::SetAside(const std::vector<PartitionNumber>& damaged) const {
  for (const PartitionNumber number : damaged) {
    const std::filesystem::path path = SnapshotPath(number);
    std::error_code ignored;  // the index is rebuilt either way
    std::filesystem::rename(path, path.string() + ".damaged", ignored);
  }
}

// An id names its vector for good, so a snapshot is brought up to date by comparing sets of ids.
Status Collection::LoadIndex(Partition* partition, const std::vector<EntryId>& ids) {
  std::vector<EntryId> held = partition->index.Ids();  // of its snapshot
  std::sort(held.begin(), held.end());
  std::vector<EntryId> stale;
  std::set_difference(held.begin(), held.end(), ids.begin(), ids.end(), std::back_inserter(stale));
  for (const EntryId id : stale) {
    partition->index.Erase(id);
  }
  from_snapshots_ += partition->index.size();
  std::vector<EntryId> missing;
  std::set_difference(ids.begin(), ids.end(), held.begin(), held.end(),
                      std::back_inserter(missing));
  std::vector<float> vector(options_.dimension);
  std::string value;
  for (const EntryId id : missing) {
    const Status read = LoadVector(id, &value, &vector);
    if (read.code() == StatusCode::kDataLoss) {
      ++damaged_;  // one bad record must not keep the others away; the exact tier still has it
      continue;
    }
    NEARHIT_RETURN_IF_ERROR(read);
    NEARHIT_RETURN_IF_ERROR(partition->index.Add(id, vector));
  }
  return Status();
}

Status Collection::WriteSnapshots() const {
  if (options_.snapshot_dir.empty() || options_.dimension == 0) {
    return Status();
  }
  std::error_code error;
  std::filesystem::create_directories(options_.snapshot_dir, error);
  if (error) {
    return Unavailable("cannot create " + options_.snapshot_dir.string() + ": " + error.message());
  }
  for (const PartitionPtr& partition : Partitions()) {
    if (partition->index.size() >= kSnapshotEntries) {
      NEARHIT_RETURN_IF_ERROR(WriteSnapshot(SnapshotPath(partition->number), partition->index,
                                            store_->LatestSequence()));
    }
  }
  return Status();
}

Status Collection::Maintain(const std::atomic<bool>* stop) {
  // Lookups wait for nothing but the erasing: it takes the lock that they share, once it is known
  // that there is something to erase.
  const std::vector<PartitionPtr> partitions = Partitions();
  if (std::any_of(partitions.begin(), partitions.end(), IsEmpty)) {
    NEARHIT_RETURN_IF_ERROR(DropEmptyPartitions());
  }
  const StoredVectors vectors(store_, options_.ns, ReadMode::kBlocking);
  for (const PartitionPtr& partition : partitions) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
      break;
    }
    if (partition->index.NeedsMove()) {
      partition->index.Move(&vectors, stop);
    } else {
      partition->index.Prepare(&vectors, stop);  // of one that was loaded, or has grown
    }
  }
  return Status();
}

Status Collection::DropEmptyPartitions() {
  WriteBatch batch;
  {
    WriterLock lock(&partitions_mu_);
    for (std::size_t slot = 0; slot < partitions_.size();) {
      const PartitionPtr& partition = partitions_.all()[slot];
      if (IsEmpty(partition)) {
        batch.Delete(Family::kPartitions, PartitionKey(options_.ns, partition->number));
        partitions_.EraseAt(slot);
      } else {
        ++slot;
      }
    }
  }
  // A dropped number never returns while the database is open, so its row cannot be one that a
  // write is making now.
  return batch.empty() ? Status() : store_->Write(batch, /*sync=*/false);
}

std::vector<PartitionPtr> Collection::Partitions() const {
  ReaderLock lock(&partitions_mu_);
  return {partitions_.all().begin(), partitions_.all().end()};
}

CollectionSize Collection::size() const {
  return {.entries = table_.size(), .bytes = table_.bytes()};
}

// The lock is not held while an index is asked: it may be busy, and whoever waits for the lock then
// keeps lookups out.
CollectionStats Collection::stats() const {
  CollectionStats stats{.size = size(),
                        .without_vector = table_.without_vector(),
                        .tags = table_.tag_count(),
                        .from_snapshots = from_snapshots_,
                        .damaged = damaged_};
  for (const PartitionPtr& partition : Partitions()) {
    ++stats.partitions;
    stats.graph_partitions += partition->index.is_graph() ? 1U : 0U;
    stats.index_bytes += partition->index.memory_bytes();
  }
  return stats;
}

}  // namespace nearhit
