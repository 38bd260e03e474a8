#include "cli/lookup_stream.h"

#include <utility>

namespace nearhit {

LookupStreamCall::LookupStreamCall(const Client& client) : timeout_(client.timeout()) {
  client.cache().async()->LookupStream(&context_, this);
  StartRead(&incoming_);
  AddHold();  // until the half-close: writes begin outside of gRPC's callbacks
  StartCall();
}

LookupStreamCall::~LookupStreamCall() {
  context_.TryCancel();
  std::unique_lock lock(mutex_);
  AwaitEnd(&lock);
}

void LookupStreamCall::AwaitEnd(std::unique_lock<std::mutex>* lock) {
  changed_.wait(*lock, [this] { return !writing_; });
  if (std::exchange(held_, false)) {
    lock->unlock();
    RemoveHold();
    lock->lock();
  }
  changed_.wait(*lock, [this] { return done_; });
}

template <typename Ready>
Status LookupStreamCall::Wait(std::unique_lock<std::mutex>* lock, Ready ready) {
  if (!changed_.wait_for(*lock, timeout_, [this, &ready] { return ended_ || ready(); })) {
    return DeadlineExceeded("no answer for " + std::to_string(timeout_.count()) + " ms");
  }
  if (ready()) {
    return {};
  }
  AwaitEnd(lock);
  return end_.ok() ? Internal("the server ended the stream early") : FromGrpc(end_);
}

bool LookupStreamCall::full() const {
  const std::lock_guard lock(mutex_);
  return window_.size() >= kWindow;
}

Status LookupStreamCall::Send(v1::LookupStreamRequest* request) {
  std::unique_lock lock(mutex_);
  NEARHIT_RETURN_IF_ERROR(Wait(&lock, [this] { return !writing_; }));
  request->set_sequence(first_ + window_.size());
  window_.emplace_back();
  outgoing_.Swap(request);
  writing_ = true;
  lock.unlock();
  StartWrite(&outgoing_);
  return {};
}

Status LookupStreamCall::HalfClose() {
  std::unique_lock lock(mutex_);
  NEARHIT_RETURN_IF_ERROR(Wait(&lock, [this] { return !writing_; }));
  if (std::exchange(held_, false)) {
    lock.unlock();
    StartWritesDone();
    RemoveHold();
  }
  return {};
}

Status LookupStreamCall::Finish() {
  NEARHIT_RETURN_IF_ERROR(HalfClose());
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, timeout_, [this] { return done_; })) {
    return DeadlineExceeded("the server does not end the stream");
  }
  return FromGrpc(end_);
}

Result<std::optional<v1::LookupStreamResponse>> LookupStreamCall::Next(bool wait) {
  std::unique_lock lock(mutex_);
  if (window_.empty()) {
    return std::optional<v1::LookupStreamResponse>();
  }
  if (wait) {
    NEARHIT_RETURN_IF_ERROR(Wait(&lock, [this] { return window_.front().has_value(); }));
  }
  if (!window_.front().has_value()) {
    return std::optional<v1::LookupStreamResponse>();
  }
  std::optional<v1::LookupStreamResponse> answer = std::move(window_.front());
  window_.pop_front();
  ++first_;
  return answer;
}

void LookupStreamCall::OnWriteDone(bool /*ok*/) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  changed_.notify_all();
}

void LookupStreamCall::OnReadDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    if (!ok) {
      ended_ = true;  // OnDone says why
      changed_.notify_all();
      return;
    }
    const std::uint64_t at = incoming_.sequence() - first_;
    if (at < window_.size()) {
      window_[at] = std::move(incoming_);
    }
    changed_.notify_all();
  }
  incoming_.Clear();
  StartRead(&incoming_);
}

void LookupStreamCall::OnDone(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  done_ = true;
  end_ = status;
  changed_.notify_all();
}

}  // namespace nearhit
