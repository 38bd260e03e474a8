// A bidirectional stream whose messages are answered one for one, in any order.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "base/mutex.h"
#include "server/calls/convert.h"
#include "server/core/stream_set.h"
#include "server/grpc/call.h"
#include "server/grpc/parse.h"

namespace nearhit::server {

// Messages of a stream that are read and not yet answered on the wire; reading stops at this many,
// or when those that are not done have so many bytes.
inline constexpr std::size_t kMaxStreamInFlight = 64;
inline constexpr std::size_t kMaxStreamRequestBytes = std::size_t{8} << 20;
// Answers of a stream that the client has not taken; with so many bytes of them no item is begun.
inline constexpr std::size_t kMaxStreamAnswerBytes = std::size_t{4} << 20;

// Request and Response are stream messages: `sequence`, a `request` resp. a `response` or `error`.
//
// Thread-safety: gRPC's threads and the pool's meet here; state is under one mutex, and gRPC is
// called without it, because gRPC may call back from inside. Ownership: deletes itself when gRPC is
// done.
template <typename Request, typename Response>
class ItemStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, Response>,
                         public OpenStream {
 public:
  // What an item needs a thread for that may wait. Fills the response's `response` field or says
  // what is wrong with the item.
  struct Work {
    Lane lane = Lane::kStorage;
    std::function<Status(Response*)> run{};
  };
  // Begins an item on gRPC's thread: either does it, as Work::run, or sets `rest` and returns
  // kWouldBlock. The request lives until the item is done.
  using Handler = std::function<Status(const Request&, TimePoint deadline, Response*, Work* rest)>;

  ItemStream(ServiceCore* core, StreamSet* streams, const grpc::CallbackServerContext* call,
             Handler handler)
      : core_(core), streams_(streams), call_(ContextOf(call, 0)), handler_(std::move(handler)) {
    this->StartRead(&incoming_);
    if (!streams->Add(this)) {
      Stop();
    }
  }

  void OnReadDone(bool ok) override {
    auto item = std::make_shared<Item>();
    Status parsed;
    if (ok) {
      item->bytes = incoming_.Length();
      parsed = Parse(&incoming_, &item->request);
    }
    decltype(item) refused;
    Plan plan;
    {
      MutexLock lock(&mu_);
      if (!ok) {
        half_closed_ = true;
      } else if (finished_) {  // stopped while it was on its way
        return;
      } else {
        reading_ = false;
        ++in_flight_;  // keeps the object alive until the item is answered
        if (parsed.ok()) {
          request_bytes_ += item->bytes;
          waiting_.push_back(std::move(item));
        } else {
          refused = std::move(item);
        }
      }
      plan = PlanLocked();
    }
    Act(this, std::move(plan));
    if (refused != nullptr) {
      Answer(refused->request, parsed, Response());
    }
  }

  void OnWriteDone(bool ok) override {
    current_ = Response();  // Clear() would keep its memory
    Plan plan;
    {
      MutexLock lock(&mu_);
      writing_ = false;
      --in_flight_;
      DropLocked(current_bytes_);
      if (!ok) {  // the client is gone: what is finished or still to finish has no reader
        broken_ = true;
        in_flight_ -= outgoing_.size() + waiting_.size();
        for (const Ready& ready : outgoing_) {
          DropLocked(ready.bytes);
        }
        outgoing_.clear();
        for (const std::shared_ptr<Item>& item : waiting_) {
          request_bytes_ -= item->bytes;
        }
        waiting_.clear();
      }
      plan = PlanLocked();
    }
    Act(this, std::move(plan));
  }

  void OnDone() override {
    streams_->Remove(this);
    delete this;
  }

  void Stop() override {
    Plan plan;
    {
      MutexLock lock(&mu_);
      stopping_ = true;
      plan = PlanLocked();
    }
    Act(this, std::move(plan));
  }

 private:
  struct Item {
    Request request;
    std::size_t bytes = 0;
    Work rest{};  // once it was begun
  };
  struct Ready {
    Response response;
    std::size_t bytes = 0;
  };
  struct Plan {
    bool read = false;
    bool write = false;
    bool more = false;  // another answer waits behind the one to write
    bool finish = false;
    bool whole = true;  // the client had nothing more to say
    std::vector<std::shared_ptr<Item>> begin;
  };

  // Once the item is answered, or is with the pool, the object may be gone.
  void Dispatch(const std::shared_ptr<Item>& item) {
    if (item->rest.run == nullptr) {
      Response response;
      Status status = CheckRoom<Response>(core_);
      if (status.ok()) {
        status = handler_(item->request, call_.deadline, &response, &item->rest);
      }
      if (status.code() != StatusCode::kWouldBlock) {
        Done(*item, status, std::move(response));
        return;
      }
    }
    CallContext call = call_;
    call.request_bytes = item->bytes;
    const Status queued = core_->Submit(item->rest.lane, call, [this, item] { Run(item); });
    if (!queued.ok()) {
      Done(*item, queued, Response());
    }
  }

  // On a thread of the pool.
  void Run(const std::shared_ptr<Item>& item) {
    Status status = core_->CheckWanted(call_);
    if (status.ok() && PutBack(item)) {
      return;
    }
    Response answer;
    if (status.ok()) {
      status = CheckRoom<Response>(core_);
    }
    if (status.ok()) {
      status = item->rest.run(&answer);
    }
    Done(*item, status, std::move(answer));
  }

  // While the item was queued answers may have come that the client does not take.
  bool PutBack(const std::shared_ptr<Item>& item) {
    MutexLock lock(&mu_);
    if (broken_ || answer_bytes_ < kMaxStreamAnswerBytes) {
      return false;
    }
    waiting_.push_front(item);  // the write that is under way begins it again
    return true;
  }

  void Done(const Item& item, const Status& status, Response response) {
    {
      MutexLock lock(&mu_);
      request_bytes_ -= item.bytes;
    }
    Answer(item.request, status, std::move(response));
  }

  void Answer(const Request& request, const Status& status, Response response) {
    response.set_sequence(request.sequence());
    if (!status.ok()) {
      ToProto(status, response.mutable_error());
    }
    const std::size_t bytes = response.ByteSizeLong();
    Plan plan;
    {
      MutexLock lock(&mu_);
      if (broken_) {
        --in_flight_;
      } else {
        outgoing_.push_back({std::move(response), bytes});
        answer_bytes_ += bytes;
        core_->answers().Hold(bytes);
      }
      plan = PlanLocked();
    }
    Act(this, std::move(plan));
  }

  void DropLocked(std::size_t bytes) NEARHIT_REQUIRES(mu_) {
    answer_bytes_ -= bytes;
    core_->answers().Release(bytes);
  }

  // Decides what to ask of gRPC and which items to begin, and marks it as done. At most one read
  // and one write are under way, and Finish comes once, after the half-close and the last answer.
  Plan PlanLocked() NEARHIT_REQUIRES(mu_) {
    Plan plan;
    if (!half_closed_ && !stopping_ && !reading_ && in_flight_ < kMaxStreamInFlight &&
        request_bytes_ < kMaxStreamRequestBytes) {
      reading_ = true;
      plan.read = true;
    }
    if (!writing_ && !outgoing_.empty()) {
      writing_ = true;
      current_ = std::move(outgoing_.front().response);
      current_bytes_ = outgoing_.front().bytes;
      outgoing_.pop_front();
      plan.write = true;
      plan.more = !outgoing_.empty();
    }
    if (answer_bytes_ < kMaxStreamAnswerBytes) {
      plan.begin.assign(waiting_.begin(), waiting_.end());
      waiting_.clear();
    }
    if ((half_closed_ || stopping_) && in_flight_ == 0 && !finished_) {
      finished_ = true;
      plan.finish = true;
      plan.whole = half_closed_;
    }
    return plan;
  }

  // The read, the write and each item keep the object alive until they are done; nothing after the
  // last call touches it. When nothing is planned, another thread may have finished the call
  // already and `self` be gone, which is why this is no member.
  static void Act(ItemStream* self, Plan plan) {
    grpc::WriteOptions write;
    if (plan.more) {
      write.set_buffer_hint();  // both in one packet
    }
    if (plan.read) {
      self->StartRead(&self->incoming_);
    }
    if (plan.write) {
      self->StartWrite(&self->current_, write);
    }
    for (const std::shared_ptr<Item>& item : plan.begin) {
      self->Dispatch(item);
    }
    if (plan.finish) {
      self->Finish(plan.whole ? grpc::Status::OK
                              : ToGrpcStatus(Unavailable("the server is stopping")));
    }
  }

  ServiceCore* const core_;
  StreamSet* const streams_;
  const CallContext call_;
  const Handler handler_;
  grpc::ByteBuffer incoming_;  // owned by the read under way
  Response current_;           // owned by the write under way

  Mutex mu_;
  std::deque<std::shared_ptr<Item>> waiting_ NEARHIT_GUARDED_BY(mu_);  // read, to be begun
  std::deque<Ready> outgoing_ NEARHIT_GUARDED_BY(mu_);
  std::size_t in_flight_ NEARHIT_GUARDED_BY(mu_) = 0;      // read, and not yet written or dropped
  std::size_t request_bytes_ NEARHIT_GUARDED_BY(mu_) = 0;  // of what is read and not done
  std::size_t answer_bytes_ NEARHIT_GUARDED_BY(mu_) = 0;   // of outgoing_ and current_
  std::size_t current_bytes_ NEARHIT_GUARDED_BY(mu_) = 0;
  bool reading_ NEARHIT_GUARDED_BY(mu_) = true;
  bool writing_ NEARHIT_GUARDED_BY(mu_) = false;
  bool half_closed_ NEARHIT_GUARDED_BY(mu_) = false;
  bool stopping_ NEARHIT_GUARDED_BY(mu_) = false;
  bool broken_ NEARHIT_GUARDED_BY(mu_) = false;
  bool finished_ NEARHIT_GUARDED_BY(mu_) = false;
};

// A stream whose items are requests of `call`, which must outlive it.
template <typename Request, typename Response, typename In, typename Out>
ItemStream<Request, Response>* StreamOf(ServiceCore* core, StreamSet* streams,
                                        const grpc::CallbackServerContext* wire_call,
                                        const UnaryCall<In, Out>& call) {
  using Items = ItemStream<Request, Response>;
  return new Items(core, streams, wire_call,
                   [core, &call](const Request& item, TimePoint deadline, Response* response,
                                 typename Items::Work* work) {
                     const CallContext context{.deadline = deadline};
                     RestOfCall<Out> rest;
                     Status status = call.Begin(core, item.request(), context,
                                                response->mutable_response(), &rest);
                     if (status.code() == StatusCode::kWouldBlock) {
                       work->lane = rest.lane;
                       work->run = [context, run = std::move(rest.run)](Response* out) {
                         return run(context, out->mutable_response());
                       };
                     }
                     return status;
                   });
}

}  // namespace nearhit::server
