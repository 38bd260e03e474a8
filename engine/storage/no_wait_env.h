// RocksDB's files, readable without waiting for the disk. Its own way to ask for that looks into
// its block cache only; most of a large database is in the page cache, half a microsecond away.
#pragma once

#include <memory>

namespace rocksdb {
class Env;
class FileSystem;
}  // namespace rocksdb

namespace nearhit {

// RocksDB's default environment over `base`, whose files of rows obey NoWaitReads. They are the
// operating system's: `base` is not asked for them. Files that it makes are the owner's alone
// (mode 0600). Outlives the databases that are opened with it.
std::unique_ptr<rocksdb::Env> NewNoWaitEnv(std::shared_ptr<rocksdb::FileSystem> base);

// While one lives, a read by this thread of such a file gives Status::TimedOut where it would wait
// for the disk: the bytes are not in the page cache, the file is not open yet, or the file system
// cannot tell (preadv2 with RWF_NOWAIT; ext4, XFS and Btrfs can). So does one of over 128 KiB,
// which takes longer to copy and to check than to hand to another thread. What remains is that
// RocksDB makes readers of a file wait for a thread that is opening it, once a file. At most one
// per thread.
class NoWaitReads {
 public:
  NoWaitReads();
  ~NoWaitReads();
  NoWaitReads(const NoWaitReads&) = delete;
  NoWaitReads& operator=(const NoWaitReads&) = delete;
};

}  // namespace nearhit
