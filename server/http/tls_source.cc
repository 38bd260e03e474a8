#include "server/http/tls_source.h"

#include <sys/stat.h>
#include <utility>

namespace nearhit::server {
namespace {

std::uint64_t Nanoseconds(const timespec& time) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return static_cast<std::uint64_t>(time.tv_sec) * kSecond +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

Result<std::shared_ptr<TlsSource>> TlsSource::Create(const TlsFiles& files) {
  std::shared_ptr<TlsSource> source(new TlsSource(files));
  NEARHIT_RETURN_IF_ERROR(source->Look().status());
  NEARHIT_RETURN_IF_ERROR(source->Look().status());
  return source;
}

std::shared_ptr<const TlsContext> TlsSource::context() const {
  MutexLock lock(&mu_);
  return context_;
}

Result<bool> TlsSource::Look() {
  std::vector<Mark> marks = MarksNow();  // before they are read, so that no later change is missed
  if (marks == marks_) {
    return false;
  }
  marks_ = std::move(marks);
  auto loaded = TlsContext::Load(files_);
  if (!loaded.ok()) {
    failed_looks_.fetch_add(1, std::memory_order_relaxed);
    return loaded.status();
  }
  MutexLock lock(&mu_);
  context_ = *std::move(loaded);
  return true;
}

std::vector<TlsSource::Mark> TlsSource::MarksNow() const {
  std::vector<Mark> marks;
  for (const std::string* path : {&files_.certificate, &files_.key, &files_.client_ca}) {
    struct stat found {};
    Mark mark{};
    if (!path->empty() && ::stat(path->c_str(), &found) == 0) {
      mark = {found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_size),
              Nanoseconds(found.st_mtim), Nanoseconds(found.st_ctim)};
    }
    marks.push_back(mark);
  }
  return marks;
}

}  // namespace nearhit::server
