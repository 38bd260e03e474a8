// Embeddings from an OpenAI-compatible endpoint. For users: docs/embedders.md.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "nearhit/embedder.h"
#include "net/http_client.h"

namespace nearhit {

// Asks `spec.url` for vectors, `spec.max_batch` texts at a time, one request after another.
//
// A connection error, 429 and 5xx are tried again, spec.max_retries times for each request, after a
// wait that doubles or that the server asks for by Retry-After. A wait that would end after the
// deadline is not begun: the error comes back at once.
//
// Thread-safety: thread-safe; calls run together, each on its own connection.
class HttpEmbedder final : public Embedder {
 public:
  // Reads the key, once. Sends nothing.
  //
  // Requires: the fields of `spec` are valid (embedder_factory.cc checks them); dimension >= 1.
  // Errors: kFailedPrecondition when the variable or the file of the key is missing, empty, too
  // long or holds control characters; the message names it and never shows what it holds.
  static Result<std::shared_ptr<const Embedder>> Make(const EmbedderSpec& spec,
                                                      std::size_t dimension);

  std::string_view identity() const override { return identity_; }
  std::size_t dimension() const override { return dimension_; }
  bool may_block() const override { return true; }

  // The call ends by `deadline` or spec.timeout after its start, whichever is earlier.
  //
  // Errors: beside those of Embedder, kInvalidArgument for any other 4xx and kFailedPrecondition
  // for 401 and 403. Messages hold status codes, never a text, the key or the answer.
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point deadline) const override;
  void Stop() const override;

 private:
  HttpEmbedder(const EmbedderSpec& spec, std::size_t dimension, std::string_view key);

  Status EmbedBatch(std::span<const std::string_view> texts,
                    std::chrono::steady_clock::time_point deadline, std::span<float> rows) const;

  const EmbedderSpec spec_;
  const std::size_t dimension_;
  const std::string identity_;
  // False when it was stopped before `time`.
  bool WaitUntil(std::chrono::steady_clock::time_point time) const NEARHIT_EXCLUDES(stop_mu_);

  const std::vector<HttpHeader> headers_;
  const HttpClient client_;
  mutable std::atomic<bool> stopped_{false};
  mutable Mutex stop_mu_;
  mutable CondVar stop_changed_;
};

// "http/<model>/<dimension>".
std::string HttpIdentity(std::string_view model, std::size_t dimension);

}  // namespace nearhit
