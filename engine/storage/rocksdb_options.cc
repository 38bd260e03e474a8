#include "engine/storage/rocksdb_options.h"

#include <array>

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

namespace nearhit {

namespace {

constexpr std::size_t kExactKeyBytes =
    20;  // namespace and hash: the prefix that the bloom filters know
constexpr std::uint64_t kMinBlobBytes = 4'096;

constexpr std::array<const char*, kFamilyCount> kFamilyNames = {
    "default", "partitions", "headers", "vectors", "payloads", "keys", "tags", "expiry", "labels"};

}  // namespace

rocksdb::Options TunedOptions(rocksdb::Env* env, const RocksDbLog& log) {
  rocksdb::Options options;
  options.env = env;
  options.info_log = NewRocksDbLogger(log);
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;  // the default differs between builds
  // The default mode reads a damaged log as missing entries without a word; this one refuses it.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_bgerror_resume_count = 0;  // write_gate.h does it
  options.max_total_wal_size = std::uint64_t{256} << 20;
  options.max_background_jobs = 2;
  options.bytes_per_sync = 1 << 20;
  options.max_open_files = 512;
  return options;
}

rocksdb::ColumnFamilyOptions TunedFamily(Family family,
                                         const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  // What was just stored is what is asked for next.
  table.prepopulate_block_cache =
      rocksdb::BlockBasedTableOptions::PrepopulateBlockCache::kFlushOnly;
  const bool large = family == Family::kVectors || family == Family::kPayloads;
  options.write_buffer_size = std::size_t{large ? 32U : 8U} << 20;
  options.level_compaction_dynamic_level_bytes = true;
  if (family == Family::kPayloads) {
    options.enable_blob_files = true;
    options.min_blob_size = kMinBlobBytes;
    options.blob_file_size = std::uint64_t{64} << 20;
    options.enable_blob_garbage_collection = true;
    options.blob_cache = cache;
    options.prepopulate_blob_cache = rocksdb::PrepopulateBlobCache::kFlushOnly;
    options.compression = rocksdb::kLZ4Compression;
    options.blob_compression_type = rocksdb::kLZ4Compression;
  } else {
    options.compression = rocksdb::kNoCompression;  // hashes, numbers and vectors do not compress
  }
  if (family == Family::kKeys) {
    options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kExactKeyBytes));
    options.memtable_prefix_bloom_size_ratio = 0.1;
    options.memtable_whole_key_filtering = true;
    table.whole_key_filtering = true;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> TunedFamilies(
    const std::shared_ptr<rocksdb::Cache>& cache) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    families.emplace_back(kFamilyNames[i], TunedFamily(static_cast<Family>(i), cache));
  }
  return families;
}

}  // namespace nearhit
