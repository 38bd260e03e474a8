#include "base/file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/descriptor.h"

namespace nearhit {

namespace {

Status IoError(const std::string& action, const std::filesystem::path& path) {
  const int error = errno;
  const std::string message =
      action + " " + path.string() + ": " + std::generic_category().message(error);
  return error == ENOENT ? NotFound(message) : Unavailable(message);
}

Status WriteAll(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return IoError("cannot write", path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0 ? Status() : IoError("cannot sync", path);
}

Status SyncDirectory(const std::filesystem::path& directory) {
  const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) {
    return IoError("cannot sync", directory);
  }
  return Status();
}

}  // namespace

Status WriteFileAtomically(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path temporary = path.string() + ".tmp";
  {
    const Descriptor fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (fd.get() < 0) {
      return IoError("cannot create", temporary);
    }
    if (Status written = WriteAll(fd.get(), bytes, temporary); !written.ok()) {
      ::unlink(temporary.c_str());
      return written;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return IoError("cannot rename", temporary);
  }
  return SyncDirectory(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
}

Result<std::string> ReadWholeFile(const std::filesystem::path& path, std::size_t max_bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) {
    return IoError("cannot open", path);
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > max_bytes) {
    return InvalidArgument(path.string() + " has " + std::to_string(size) +
                           " bytes, the limit is " + std::to_string(max_bytes));
  }
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(fd.get(), bytes.data() + done, size - done);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return IoError("cannot read", path);
    }
    if (got == 0) {
      break;  // shortened meanwhile: what is there
    }
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

bool IsGitLfsPointer(std::string_view bytes) {
  return bytes.starts_with("version https://git-lfs.github.com/spec/");
}

Result<MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) {
    return IoError("cannot open", path);
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) {  // which cannot be mapped
    return MappedFile({});
  }
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), /*offset=*/0);
  if (address == MAP_FAILED) {
    return IoError("cannot map", path);
  }
  return MappedFile({static_cast<const char*>(address), size});
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) {
    ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  }
}

}  // namespace nearhit
