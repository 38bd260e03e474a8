// Messages of unary calls in arenas that are used again.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <google/protobuf/arena.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/message_allocator.h>

#include "base/mutex.h"
#include "server/core/answer_budget.h"
#include "server/grpc/parse.h"

namespace nearhit::server {

// Request and response of a call with their parts in one block of memory, from a stock of blocks,
// instead of some ten allocations each. gRPC gives the request as bytes, so that the server says
// what is wrong with those that are no Request. Outlives the server.
//
// Thread-safety: thread-safe.
template <typename Request, typename Response>
class CallMessages final : public grpc::MessageAllocator<grpc::ByteBuffer, Response> {
 public:
  class Holder final : public grpc::MessageHolder<grpc::ByteBuffer, Response> {
   public:
    explicit Holder(CallMessages* owner) : owner_(owner), arena_(Options(&block_)) {}

    // Those of a call whose method has this allocator.
    static Holder* Of(grpc::CallbackServerContext* call) {
      return static_cast<Holder*>(call->GetRpcAllocatorState());
    }

    // Makes the request of the bytes that came. Once.
    Status ParseRequest() {
      request_bytes_ = bytes_.Length();
      return Parse(&bytes_, parsed_);
    }
    const Request* parsed() const { return parsed_; }
    std::size_t request_bytes() const { return request_bytes_; }

    // The response is filled: it counts until the call is over.
    void CountAnswer(AnswerBudget* budget) { held_.Hold(budget, this->response()->ByteSizeLong()); }

    void Make() {
      parsed_ = google::protobuf::Arena::CreateMessage<Request>(&arena_);
      this->set_request(&bytes_);
      this->set_response(google::protobuf::Arena::CreateMessage<Response>(&arena_));
    }
    void Release() override {
      held_.Release();
      bytes_.Clear();
      arena_.Reset();
      owner_->PutBack(std::unique_ptr<Holder>(this));
    }

   private:
    static constexpr std::size_t kBlockBytes = 2'048;  // the bytes of long strings are not in it
    using Block = std::array<char, kBlockBytes>;

    static google::protobuf::ArenaOptions Options(Block* block) {
      google::protobuf::ArenaOptions options;
      options.initial_block = block->data();
      options.initial_block_size = block->size();
      return options;
    }

    CallMessages* const owner_;
    alignas(std::max_align_t) Block block_{};
    google::protobuf::Arena arena_;
    grpc::ByteBuffer bytes_;
    Request* parsed_ = nullptr;
    std::size_t request_bytes_ = 0;
    HeldBytes held_;
  };

  // gRPC gives it back by Release().
  grpc::MessageHolder<grpc::ByteBuffer, Response>* AllocateMessages() override {
    std::unique_ptr<Holder> holder = Take();
    holder->Make();
    return holder.release();
  }

 private:
  static constexpr std::size_t kMaxStock = 256;

  std::unique_ptr<Holder> Take() {
    {
      MutexLock lock(&mu_);
      if (!stock_.empty()) {
        std::unique_ptr<Holder> holder = std::move(stock_.back());
        stock_.pop_back();
        return holder;
      }
    }
    return std::make_unique<Holder>(this);
  }

  void PutBack(std::unique_ptr<Holder> holder) {
    MutexLock lock(&mu_);
    if (stock_.size() < kMaxStock) {
      stock_.push_back(std::move(holder));
    }
  }

  Mutex mu_;
  std::vector<std::unique_ptr<Holder>> stock_ NEARHIT_GUARDED_BY(mu_);  // last used at the back
};

}  // namespace nearhit::server
