#include "engine/database/namespace.h"

#include <utility>

namespace nearhit {

Namespace::Namespace(const Clock* clock, std::size_t max_payload_bytes, NamespaceRecord record,
                     Contents contents)
    : clock_(clock),
      max_payload_bytes_(max_payload_bytes),
      record_(std::move(record)),
      contents_(std::move(contents)) {}

void Namespace::Close(const Status& reason) {
  WriterLock lock(&gate_);
  closed_ = reason;
  closed_.IgnoreError();  // kept for the calls to come, not dropped
  contents_.cache.reset();
  contents_.collection.reset();
}

void Namespace::Configure(const NamespaceRecord& record, std::shared_ptr<const Embedder> embedder) {
  WriterLock lock(&gate_);
  record_ = record;
  if (contents_.cache != nullptr) {
    contents_.cache->Configure(record.config, std::move(embedder));
  }
}

Contents Namespace::Swap(const NamespaceRecord& record, Contents contents) {
  WriterLock lock(&gate_);
  record_ = record;
  std::swap(contents_, contents);
  return contents;
}

void Namespace::Drain() const { WriterLock lock(&gate_); }

Status Namespace::CheckWritable() const {
  return reembedding_.load() ? Unavailable("the namespace is being re-embedded, writes wait for its end")
                             : Status();
}

}  // namespace nearhit
