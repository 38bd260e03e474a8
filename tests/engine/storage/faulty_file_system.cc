#include "tests/engine/storage/faulty_file_system.h"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace nearhit {

namespace {

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, FaultyFileSystem* disk)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* dbg) override {
    rocksdb::IOStatus works = disk_->Check(DiskCall::kWrite);
    const std::size_t bytes = works.ok() ? data.size() : data.size() / 2;
    rocksdb::IOStatus done = target()->Append(rocksdb::Slice(data.data(), bytes), options, dbg);
    return works.ok() ? done : works;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& /*verification*/,
                           rocksdb::IODebugContext* dbg) override {
    return Append(data, options, dbg);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* dbg) override {
    rocksdb::IOStatus works = disk_->Check(DiskCall::kSync);
    return works.ok() ? target()->Sync(options, dbg) : works;
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* dbg) override {
    return Sync(options, dbg);
  }
  rocksdb::IOStatus RangeSync(std::uint64_t offset, std::uint64_t bytes,
                              const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* dbg) override {
    rocksdb::IOStatus works = disk_->Check(DiskCall::kSync);
    return works.ok() ? target()->RangeSync(offset, bytes, options, dbg) : works;
  }

 private:
  FaultyFileSystem* const disk_;
};

class FaultyDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(std::unique_ptr<rocksdb::FSDirectory> directory, FaultyFileSystem* disk)
      : FSDirectoryWrapper(std::move(directory)), disk_(disk) {}

  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* dbg) override {
    rocksdb::IOStatus works = disk_->Check(DiskCall::kSyncDirectory);
    return works.ok() ? FSDirectoryWrapper::Fsync(options, dbg) : works;
  }
  rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options,
                                        rocksdb::IODebugContext* dbg,
                                        const rocksdb::DirFsyncOptions& directory) override {
    rocksdb::IOStatus works = disk_->Check(DiskCall::kSyncDirectory);
    return works.ok() ? FSDirectoryWrapper::FsyncWithDirOptions(options, dbg, directory) : works;
  }

 private:
  FaultyFileSystem* const disk_;
};

// As RocksDB's own files say it.
rocksdb::IOStatus ErrorOf(int error) {
  const std::string why = std::generic_category().message(error);
  if (error != ENOSPC) {
    return rocksdb::IOStatus::IOError("injected", why);
  }
  rocksdb::IOStatus full = rocksdb::IOStatus::NoSpace("injected", why);
  full.SetRetryable(true);
  return full;
}

}  // namespace

void FaultyFileSystem::Fail(const DiskFault& fault) {
  MutexLock lock(&mu_);
  fault_ = fault;
  healthy_ = false;
  seen_ = 0;
  failures_ = 0;
}

void FaultyFileSystem::Heal() {
  MutexLock lock(&mu_);
  healthy_ = true;
}

std::uint64_t FaultyFileSystem::failures() const {
  MutexLock lock(&mu_);
  return failures_;
}

rocksdb::IOStatus FaultyFileSystem::Check(DiskCall call) {
  MutexLock lock(&mu_);
  if (healthy_ || !fault_.calls.contains(call) || ++seen_ < fault_.nth ||
      (!fault_.lasting && seen_ > fault_.nth) ||
      (!fault_.while_exists.empty() && !std::filesystem::exists(fault_.while_exists))) {
    return rocksdb::IOStatus::OK();
  }
  ++failures_;
  return ErrorOf(fault_.error);
}

rocksdb::IOStatus FaultyFileSystem::NewWritableFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result, rocksdb::IODebugContext* dbg) {
  rocksdb::IOStatus made = Check(DiskCall::kOpen);
  if (made.ok()) {
    made = FileSystemWrapper::NewWritableFile(name, options, result, dbg);
  }
  if (made.ok()) {
    *result = std::make_unique<FaultyFile>(std::move(*result), this);
  }
  return made;
}

rocksdb::IOStatus FaultyFileSystem::NewDirectory(const std::string& name,
                                                 const rocksdb::IOOptions& options,
                                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                                 rocksdb::IODebugContext* dbg) {
  rocksdb::IOStatus made = FileSystemWrapper::NewDirectory(name, options, result, dbg);
  if (made.ok()) {
    *result = std::make_unique<FaultyDirectory>(std::move(*result), this);
  }
  return made;
}

rocksdb::IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to,
                                               const rocksdb::IOOptions& options,
                                               rocksdb::IODebugContext* dbg) {
  rocksdb::IOStatus works = Check(DiskCall::kRename);
  return works.ok() ? FileSystemWrapper::RenameFile(from, to, options, dbg) : works;
}

rocksdb::IOStatus FaultyFileSystem::LinkFile(const std::string& from, const std::string& to,
                                             const rocksdb::IOOptions& options,
                                             rocksdb::IODebugContext* dbg) {
  rocksdb::IOStatus works = Check(DiskCall::kLink);
  return works.ok() ? FileSystemWrapper::LinkFile(from, to, options, dbg) : works;
}

}  // namespace nearhit
