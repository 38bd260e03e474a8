#include "engine/database/namespace.h"

#include <utility>

namespace nearhit {

Namespace::Namespace(const Clock* clock, std::size_t max_payload_bytes, NamespaceRecord record,
                     Contents contents)
    : clock_(clock), max_payload_bytes_(max_payload_bytes) {
  versions_.push_back(std::make_unique<Version>(std::move(record), std::move(contents)));
  current_.store(versions_.back().get());
}

Namespace::Version* Namespace::Enter() const {
  while (true) {
    Version* const version = current_.load();
    version->gate.LockShared();
    if (version == current_.load()) {
      return version;
    }
    version->gate.UnlockShared();  // replaced in between, and maybe emptied
  }
}

void Namespace::Close(const Status& reason) {
  StopWork();
  Version& version = *versions_.back();
  WriterLock lock(&version.gate);
  version.closed_code = reason.code();
  version.closed_reason = reason.message();
  const Contents released = std::move(version.contents);
}

void Namespace::Configure(const NamespaceRecord& record,
                          const std::optional<std::shared_ptr<const Embedder>>& embedder) {
  Version& version = *versions_.back();
  {
    MutexLock lock(&version.record_mu);
    version.record = std::make_shared<const NamespaceRecord>(record);
  }
  ReaderLock lock(&version.gate);
  if (version.contents.cache != nullptr && embedder) {
    version.contents.cache->Configure(record.config, *embedder);
  } else if (version.contents.cache != nullptr) {
    version.contents.cache->Configure(record.config);
  }
}

void Namespace::Publish(const NamespaceRecord& record, Contents contents) {
  versions_.push_back(std::make_unique<Version>(record, std::move(contents)));
  current_.store(versions_.back().get());
}

void Namespace::Retire() {
  for (std::size_t i = 0; i + 1 < versions_.size(); ++i) {
    Version& version = *versions_[i];
    WriterLock lock(&version.gate);
    const Contents released = std::move(version.contents);
  }
}

}  // namespace nearhit
