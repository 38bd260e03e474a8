// Calls that wait for a busy model go through it together.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "nearhit/result.h"

namespace nearhit {

// While fewer than `slots` passes run, a call is a pass of its own, at once and on its own thread:
// an idle model delays nobody to see whether more calls come. Otherwise it queues. The first in the
// queue gets the next slot that frees, and takes those behind it along, up to `group_tokens`
// tokens: texts that go through the encoder together cost less than one after the other. A slot
// goes to who waits before it goes to who comes, so many calls of one large batch do not hold up
// single ones.
//
// Thread-safety: thread-safe. Must outlive its calls. It has no thread of its own.
class Batcher {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // As BertEncoder::Encode.
  using EncodeFunction = std::function<Status(std::span<const std::int32_t> ids,
                                              std::span<const std::uint32_t> lengths,
                                              TimePoint deadline, std::span<float> out)>;

  struct Options {
    std::size_t dimension = 0;     // floats of a text's vector
    std::size_t slots = 1;         // passes at the same time; at least 1
    std::size_t group_tokens = 0;  // a call of more is a pass of its own
  };

  Batcher(EncodeFunction encode, const Options& options);
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Errors: kDeadlineExceeded once `deadline` passes, while waiting or after a pass that others
  // with later deadlines were part of; those of the encoder. `out` is then not to be read.
  Status Encode(std::span<const std::int32_t> ids, std::span<const std::uint32_t> lengths,
                TimePoint deadline, std::span<float> out);

  // Calls in the queue now.
  std::size_t waiting() const;

 private:
  // A call in the queue. Its arguments are read by the leader only while it is in the group, from
  // a copy, because whoever waits may leave at its deadline.
  struct Request {
    enum class State : std::uint8_t { kWaiting, kLeading, kRunning, kDone, kLeft };

    std::span<const std::int32_t> ids;
    std::span<const std::uint32_t> lengths;
    TimePoint deadline;
    State state = State::kWaiting;
    Status status{};
    std::vector<float> rows{};  // of a pass that another call led
    CondVar changed{};
  };
  struct Group;

  Status Wait(const std::shared_ptr<Request>& own, std::span<float> out);
  // On the leader's thread, which holds a slot.
  Status Lead(Request* own, std::span<float> out);
  void TakeGroup(Request* own, Group* group) NEARHIT_REQUIRES(mu_);
  void GiveResults(const Group& group, const Status& status, std::span<const float> rows) const
      NEARHIT_REQUIRES(mu_);
  // Hands the slot to the first in the queue, or frees it.
  void PassSlotOn() NEARHIT_REQUIRES(mu_);

  const EncodeFunction encode_;
  const Options options_;

  mutable Mutex mu_;
  std::size_t running_ NEARHIT_GUARDED_BY(mu_) = 0;  // slots taken
  // Those in state kWaiting; not empty only while every slot is taken.
  std::deque<std::shared_ptr<Request>> queue_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
