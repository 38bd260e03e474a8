// The client's side of Cache.LookupStream, with answers in the order of the questions.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include <grpcpp/support/client_callback.h>

#include "cli/client.h"

namespace nearhit {

// One call of LookupStream. Keeps at most kWindow questions in flight, as many as the server does.
//
// Thread-safety: owned by one thread; gRPC's threads meet it under `mutex_`.
class LookupStreamCall final
    : public grpc::ClientBidiReactor<v1::LookupStreamRequest, v1::LookupStreamResponse> {
 public:
  static constexpr std::size_t kWindow = 64;

  // `client` must outlive the call.
  explicit LookupStreamCall(const Client& client);
  // Cancels what is left.
  ~LookupStreamCall() override;
  LookupStreamCall(const LookupStreamCall&) = delete;
  LookupStreamCall& operator=(const LookupStreamCall&) = delete;

  // Sends, once the question before has left. Fills in the request's sequence. Requires: !full().
  // Errors: those of Next.
  Status Send(v1::LookupStreamRequest* request);
  bool full() const;  // Next() has to take an answer before another Send()

  // Says that nothing more will be sent. Errors: those of Next.
  Status HalfClose();

  // Half-closes and waits for the end of the stream.
  Status Finish();

  // The answer to the oldest question without one; waits for it when `wait`. None: there is no such
  // question, or it is not there yet. Errors: kDeadlineExceeded when nothing comes for the client's
  // timeout; those that end the stream.
  Result<std::optional<v1::LookupStreamResponse>> Next(bool wait);

  void OnWriteDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  // Waits until `ready()`, which is called under the lock. Errors: those of Next.
  template <typename Ready>
  Status Wait(std::unique_lock<std::mutex>* lock, Ready ready);
  // Lets gRPC end the call, and waits until it has. No write begins after it.
  void AwaitEnd(std::unique_lock<std::mutex>* lock);

  const std::chrono::milliseconds timeout_;
  grpc::ClientContext context_;
  v1::LookupStreamRequest outgoing_;   // owned by the write under way
  v1::LookupStreamResponse incoming_;  // owned by the read under way

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::optional<v1::LookupStreamResponse>> window_;  // from sequence first_ on
  std::uint64_t first_ = 0;
  bool writing_ = false;
  bool held_ = true;    // gRPC keeps the call open for writes to come
  bool ended_ = false;  // nothing more will be read
  bool done_ = false;   // gRPC will call no more
  grpc::Status end_;
};

}  // namespace nearhit
