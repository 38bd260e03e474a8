#include "engine/storage/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/descriptor.h"

namespace nearhit {

bool Frees(const WriteBatch& batch) {
  bool deletes = false;
  for (const WriteBatch::Operation& operation : batch.operations()) {
    const bool is_delete = operation.kind == WriteBatch::Kind::kDelete;
    if (!is_delete && operation.family != Family::kKeys && operation.family != Family::kMeta) {
      return false;
    }
    deletes = deletes || is_delete;
  }
  return deletes;
}

void Ballast::Restore() {
  std::error_code error;
  if (std::filesystem::file_size(path_, error) == bytes_ && !error) {
    return;
  }
  std::filesystem::remove(path_, error);
  const std::filesystem::space_info space = std::filesystem::space(path_.parent_path(), error);
  if (error || space.available < kRoom * bytes_) {
    return;
  }
  {
    const Descriptor fd(
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (fd.get() < 0 || ::fallocate(fd.get(), 0, 0, static_cast<off_t>(bytes_)) != 0) {
      ::unlink(path_.c_str());
      return;
    }
  }
  released_.store(false, std::memory_order_relaxed);
}

bool Ballast::Release() {
  if (::unlink(path_.c_str()) != 0) {
    return false;
  }
  released_.store(true, std::memory_order_relaxed);
  return true;
}

}  // namespace nearhit
