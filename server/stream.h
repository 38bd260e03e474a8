// A bidirectional stream whose messages are answered one for one, in any order.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include <grpcpp/support/server_callback.h>

#include "base/mutex.h"
#include "server/call.h"

namespace nearhit::server {

// Messages of a stream that are read and not yet answered on the wire; reading stops at this many.
inline constexpr std::size_t kMaxStreamInFlight = 64;

// Request and Response are stream messages: `sequence`, a `request` resp. a `response` or `error`.
//
// Thread-safety: gRPC's threads and the pool's meet here; state is under one mutex, and gRPC is
// called without it, because gRPC may call back from inside. Ownership: deletes itself when gRPC is
// done.
template <typename Request, typename Response>
class ItemStream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  // Fills the response's `response` field or says what is wrong with the item. Any thread.
  using Handler = std::function<Status(const Request&, TimePoint deadline, Response*)>;

  // What an item may wait for. gRPC's threads.
  using LaneOfItem = std::function<Lane(const Request&)>;

  // `fast` may be empty. Otherwise it is tried first, on gRPC's thread, and its kUnavailable sends
  // the item to the pool.
  ItemStream(ServiceContext* context, grpc::CallbackServerContext* call, LaneOfItem lane,
             Handler handler, Handler fast = nullptr)
      : context_(context),
        call_(call),
        deadline_(ToSteadyDeadline(call->deadline())),
        lane_(std::move(lane)),
        handler_(std::move(handler)),
        fast_(std::move(fast)) {
    this->StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Next next;
      {
        MutexLock lock(&mu_);
        half_closed_ = true;
        next = PlanLocked();
      }
      Act(this, next);
      return;
    }
    auto item = std::make_shared<Request>(std::move(incoming_));
    incoming_.Clear();
    Next next;
    {
      MutexLock lock(&mu_);
      reading_ = false;
      ++in_flight_;  // keeps the object alive until the item is answered
      next = PlanLocked();
    }
    Act(this, next);
    Dispatch(std::move(item));
  }

  void OnWriteDone(bool ok) override {
    Next next;
    {
      MutexLock lock(&mu_);
      writing_ = false;
      --in_flight_;
      if (!ok) {  // the client is gone: what is finished or still to finish has no reader
        broken_ = true;
        in_flight_ -= outgoing_.size();
        outgoing_.clear();
      }
      next = PlanLocked();
    }
    Act(this, next);
  }

  void OnDone() override { delete this; }

 private:
  struct Next {
    bool read = false;
    bool write = false;
    bool more = false;  // another answer waits behind the one to write
    bool finish = false;
  };

  // Once the item is answered, or is with the pool, the object may be gone.
  void Dispatch(std::shared_ptr<Request> item) {
    Response response;
    if (fast_ != nullptr) {
      const Status status = fast_(*item, deadline_, &response);
      if (status.code() != StatusCode::kUnavailable) {
        Answer(*item, status, std::move(response));
        return;
      }
      response.Clear();
    }
    const bool queued = context_->pool->Submit(lane_(*item), deadline_, [this, item] {
      Response answer;
      Status status = CheckStillWanted(context_, *call_, deadline_);
      if (status.ok()) {
        status = handler_(*item, deadline_, &answer);
      }
      Answer(*item, status, std::move(answer));
    });
    if (!queued) {
      Answer(*item, QueueFull(), std::move(response));
    }
  }

  void Answer(const Request& item, const Status& status, Response response) {
    response.set_sequence(item.sequence());
    if (!status.ok()) {
      ToProto(status, response.mutable_error());
    }
    Next next;
    {
      MutexLock lock(&mu_);
      if (broken_) {
        --in_flight_;
      } else {
        outgoing_.push_back(std::move(response));
      }
      next = PlanLocked();
    }
    Act(this, next);
  }

  // Decides what to ask of gRPC and marks it as asked. At most one read and one write are under
  // way, and Finish comes once, after the half-close and the last answer.
  Next PlanLocked() REQUIRES(mu_) {
    Next next;
    if (!half_closed_ && !reading_ && in_flight_ < kMaxStreamInFlight) {
      reading_ = true;
      next.read = true;
    }
    if (!writing_ && !outgoing_.empty()) {
      writing_ = true;
      current_ = std::move(outgoing_.front());
      outgoing_.pop_front();
      next.write = true;
      next.more = !outgoing_.empty();
    }
    if (half_closed_ && in_flight_ == 0 && !finished_) {
      finished_ = true;
      next.finish = true;
    }
    return next;
  }

  // `next.read` and `next.write` keep the object alive until they are done; nothing after the last
  // call touches it. When nothing is planned, another thread may have finished the call already and
  // `self` be gone, which is why this is no member.
  static void Act(ItemStream* self, const Next& next) {
    grpc::WriteOptions write;
    if (next.more) {
      write.set_buffer_hint();  // both in one packet
    }
    if (next.read && next.write) {
      self->StartRead(&self->incoming_);
      self->StartWrite(&self->current_, write);
    } else if (next.read) {
      self->StartRead(&self->incoming_);
    } else if (next.write) {
      self->StartWrite(&self->current_, write);
    } else if (next.finish) {
      self->Finish(grpc::Status::OK);
    }
  }

  ServiceContext* const context_;
  grpc::CallbackServerContext* const call_;
  const TimePoint deadline_;
  const LaneOfItem lane_;
  const Handler handler_;
  const Handler fast_;
  Request incoming_;  // owned by the read under way
  Response current_;  // owned by the write under way

  Mutex mu_;
  std::deque<Response> outgoing_ GUARDED_BY(mu_);
  std::size_t in_flight_ GUARDED_BY(mu_) = 0;  // read, and not yet written or dropped
  bool reading_ GUARDED_BY(mu_) = true;
  bool writing_ GUARDED_BY(mu_) = false;
  bool half_closed_ GUARDED_BY(mu_) = false;
  bool broken_ GUARDED_BY(mu_) = false;
  bool finished_ GUARDED_BY(mu_) = false;
};

}  // namespace nearhit::server
