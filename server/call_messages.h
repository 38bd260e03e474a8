// Messages of unary calls in arenas that are used again.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <google/protobuf/arena.h>
#include <grpcpp/support/message_allocator.h>

#include "base/mutex.h"

namespace nearhit::server {

// Request and response of a call with their parts in one block of memory, from a stock of blocks,
// instead of some ten allocations each. For SetMessageAllocatorFor_<method>; outlives the server.
//
// Thread-safety: thread-safe.
template <typename Request, typename Response>
class ArenaMessages final : public grpc::MessageAllocator<Request, Response> {
 public:
  // gRPC gives it back by Release().
  grpc::MessageHolder<Request, Response>* AllocateMessages() override {
    std::unique_ptr<Holder> holder = Take();
    holder->Make();
    return holder.release();
  }

 private:
  static constexpr std::size_t kBlockBytes = 2'048;  // the bytes of long strings are not in it
  static constexpr std::size_t kMaxStock = 256;

  class Holder final : public grpc::MessageHolder<Request, Response> {
   public:
    explicit Holder(ArenaMessages* owner) : owner_(owner), arena_(Options(&block_)) {}

    void Make() {
      this->set_request(google::protobuf::Arena::CreateMessage<Request>(&arena_));
      this->set_response(google::protobuf::Arena::CreateMessage<Response>(&arena_));
    }
    void Release() override {
      arena_.Reset();
      owner_->PutBack(std::unique_ptr<Holder>(this));
    }

   private:
    using Block = std::array<char, kBlockBytes>;

    static google::protobuf::ArenaOptions Options(Block* block) {
      google::protobuf::ArenaOptions options;
      options.initial_block = block->data();
      options.initial_block_size = block->size();
      return options;
    }

    ArenaMessages* const owner_;
    alignas(std::max_align_t) Block block_{};
    google::protobuf::Arena arena_;
  };

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
  std::vector<std::unique_ptr<Holder>> stock_ GUARDED_BY(mu_);  // last used at the back
};

}  // namespace nearhit::server
