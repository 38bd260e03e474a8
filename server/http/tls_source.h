// The certificate that new connections get: what its files hold, as they change.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "nearhit/result.h"
#include "server/http/tls_context.h"

namespace nearhit::server {

// Thread-safety: thread-safe, but Look() by one thread at a time.
class TlsSource {
 public:
  // Errors: those of TlsContext::Load.
  static Result<std::shared_ptr<TlsSource>> Create(const TlsFiles& files);
  ~TlsSource() = default;
  TlsSource(const TlsSource&) = delete;
  TlsSource& operator=(const TlsSource&) = delete;

  std::shared_ptr<const TlsContext> context() const NEARHIT_EXCLUDES(mu_);

  // Loads the files when they are not those of the last look. Returns whether new connections get
  // another context from here on; open ones keep theirs.
  //
  // Errors: those of TlsContext::Load, once for each change; the context stays.
  Result<bool> Look() NEARHIT_EXCLUDES(mu_);
  std::uint64_t failed_looks() const { return failed_looks_.load(std::memory_order_relaxed); }

 private:
  // What tells that a file has changed: its device and number, its size and its times.
  using Mark = std::array<std::uint64_t, 5>;

  explicit TlsSource(TlsFiles files) : files_(std::move(files)) {}
  std::vector<Mark> MarksNow() const;

  const TlsFiles files_;
  std::vector<Mark> marks_;  // when the files were last loaded, or could not be
  std::atomic<std::uint64_t> failed_looks_{0};

  mutable Mutex mu_;
  std::shared_ptr<const TlsContext> context_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit::server
