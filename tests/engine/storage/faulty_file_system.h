// A disk that fails when it is told to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>

#include <rocksdb/file_system.h>

#include "base/mutex.h"

namespace nearhit {

enum class DiskCall : std::uint8_t { kOpen, kWrite, kSync, kRename, kSyncDirectory, kLink };

// Which calls fail, how.
struct DiskFault {
  std::set<DiskCall> calls{DiskCall::kOpen, DiskCall::kWrite, DiskCall::kSync, DiskCall::kRename,
                           DiskCall::kSyncDirectory};
  std::uint64_t nth = 1;                 // of these calls, from now on
  bool lasting = false;                  // until Heal; or only that one
  int error = 0;                         // an errno
  std::filesystem::path while_exists{};  // if not empty: only while this file is there
};

// Of a write that fails, the first half is done.
//
// Thread-safety: thread-safe.
class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyFileSystem"; }

  void Fail(const DiskFault& fault) NEARHIT_EXCLUDES(mu_);
  void Heal() NEARHIT_EXCLUDES(mu_);
  // Calls that have failed since Fail.
  std::uint64_t failures() const NEARHIT_EXCLUDES(mu_);

  // Whether this call works.
  rocksdb::IOStatus Check(DiskCall call) NEARHIT_EXCLUDES(mu_);

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* dbg) override;

 private:
  mutable Mutex mu_;
  DiskFault fault_ NEARHIT_GUARDED_BY(mu_);
  bool healthy_ NEARHIT_GUARDED_BY(mu_) = true;
  std::uint64_t seen_ NEARHIT_GUARDED_BY(mu_) = 0;
  std::uint64_t failures_ NEARHIT_GUARDED_BY(mu_) = 0;
};

}  // namespace nearhit
