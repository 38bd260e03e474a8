#include "engine/storage/no_wait_env.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "base/check.h"
#include "base/descriptor.h"

namespace nearhit {

namespace {

constexpr std::size_t kMaxNoWaitBytes = std::size_t{128} << 10;

thread_local bool no_wait = false;

rocksdb::IOStatus WouldWait() {
  return rocksdb::IOStatus::TimedOut();
}

int OpenToRead(const std::string& name) {
  int fd = -1;
  do {
    fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// As RocksDB's own file for buffered reads, but for NoWaitReads.
class NoWaitFile final : public rocksdb::FSRandomAccessFile {
 public:
  NoWaitFile(std::string name, Descriptor fd) : name_(std::move(name)), fd_(std::move(fd)) {}

  rocksdb::IOStatus Read(std::uint64_t offset, std::size_t n, const rocksdb::IOOptions& /*options*/,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* /*dbg*/) const override {
    *result = rocksdb::Slice();
    if (no_wait && n > kMaxNoWaitBytes) {
      return WouldWait();
    }
    std::size_t done = 0;
    while (done < n) {
      iovec rest{.iov_base = scratch + done, .iov_len = n - done};
      const ssize_t got = ::preadv2(fd_.get(), &rest, 1, static_cast<off_t>(offset + done),
                                    no_wait ? RWF_NOWAIT : 0);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        return no_wait && (errno == EAGAIN || errno == EOPNOTSUPP) ? WouldWait() : Failed("read");
      }
      if (got == 0 && no_wait) {
        return WouldWait();  // the end of the file, or a kernel that says 0 for EAGAIN (5.9, 5.10)
      }
      if (got == 0) {
        break;
      }
      done += static_cast<std::size_t>(got);
    }
    *result = rocksdb::Slice(scratch, done);
    return rocksdb::IOStatus::OK();
  }

  rocksdb::IOStatus Prefetch(std::uint64_t offset, std::size_t n,
                             const rocksdb::IOOptions& /*options*/,
                             rocksdb::IODebugContext* /*dbg*/) override {
    return ::readahead(fd_.get(), static_cast<off64_t>(offset), n) == 0 ? rocksdb::IOStatus::OK()
                                                                        : Failed("read ahead in");
  }

  void Hint(AccessPattern pattern) override {
    ::posix_fadvise(fd_.get(), 0, 0, Advice(pattern));  // only advice: where it is refused, slower
  }

  rocksdb::IOStatus InvalidateCache(std::size_t offset, std::size_t length) override {
    const int error = ::posix_fadvise(fd_.get(), static_cast<off_t>(offset),
                                      static_cast<off_t>(length), POSIX_FADV_DONTNEED);
    errno = error;
    return error == 0 ? rocksdb::IOStatus::OK() : Failed("drop from the page cache");
  }

 private:
  static int Advice(AccessPattern pattern) {
    switch (pattern) {
      case kRandom:
        return POSIX_FADV_RANDOM;
      case kSequential:
        return POSIX_FADV_SEQUENTIAL;
      case kWillNeed:
        return POSIX_FADV_WILLNEED;
      case kWontNeed:
        return POSIX_FADV_DONTNEED;
      case kNormal:
        break;
    }
    return POSIX_FADV_NORMAL;
  }

  rocksdb::IOStatus Failed(const std::string& action) const {
    return rocksdb::status_to_io_status(rocksdb::Status::IOError(
        "cannot " + action + " " + name_, std::generic_category().message(errno)));
  }

  const std::string name_;
  const Descriptor fd_;
};

// Before anything is written to it. Some file systems know no modes.
void ForTheOwnerOnly(const std::string& name) {
  ::chmod(name.c_str(), S_IRUSR | S_IWUSR);
}

class NoWaitFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "NoWaitFileSystem"; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& /*options*/,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* /*dbg*/) override {
    if (no_wait) {
      return WouldWait();
    }
    Descriptor fd(OpenToRead(name));
    if (fd.get() < 0) {
      const std::string why = std::generic_category().message(errno);
      return rocksdb::status_to_io_status(
          errno == ENOENT ? rocksdb::Status::PathNotFound("cannot open " + name, why)
                          : rocksdb::Status::IOError("cannot open " + name, why));
    }
    *result = std::make_unique<NoWaitFile>(name, std::move(fd));
    return rocksdb::IOStatus::OK();
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* dbg) override {
    rocksdb::IOStatus made = FileSystemWrapper::NewWritableFile(name, options, result, dbg);
    if (made.ok()) {
      ForTheOwnerOnly(name);
    }
    return made;
  }
  rocksdb::IOStatus LockFile(const std::string& name, const rocksdb::IOOptions& options,
                             rocksdb::FileLock** lock, rocksdb::IODebugContext* dbg) override {
    rocksdb::IOStatus made = FileSystemWrapper::LockFile(name, options, lock, dbg);
    if (made.ok()) {
      ForTheOwnerOnly(name);
    }
    return made;
  }

  // Asked for by who is about to open a blob file.
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options,
                                std::uint64_t* bytes, rocksdb::IODebugContext* dbg) override {
    return no_wait ? WouldWait() : FileSystemWrapper::GetFileSize(name, options, bytes, dbg);
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewNoWaitEnv(std::shared_ptr<rocksdb::FileSystem> base) {
  return rocksdb::NewCompositeEnv(std::make_shared<NoWaitFileSystem>(std::move(base)));
}

NoWaitReads::NoWaitReads() {
  NEARHIT_CHECK(!no_wait);
  no_wait = true;
}

NoWaitReads::~NoWaitReads() {
  no_wait = false;
}

}  // namespace nearhit
