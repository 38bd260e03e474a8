// The answer of one upstream call while it arrives, for everyone who waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "net/event_loop.h"
#include "net/http_client.h"

namespace nearhit::server {

// An event of a stream with its blank line, or some bytes of another body.
struct FlightPiece {
  std::shared_ptr<const std::string> bytes{};
  bool usage_only = false;  // see EventRole
};

// One writer, the flight, on its loop; readers on any loop. A reader that is behind reads what it
// has missed, so a late one gets all of it. The writer has to wait (IsFull) when even the fastest
// reader is kMaxAheadBytes behind, or, once pieces are not kept any more, when the slowest is
// kMaxBehindBytes behind.
//
// Thread-safety: thread-safe.
class FlightLog {
 public:
  static constexpr std::size_t kMaxAheadBytes = std::size_t{256} << 10;
  static constexpr std::size_t kMaxBehindBytes = std::size_t{4} << 20;

  enum class State : std::uint8_t {
    kWaiting,  // for the head
    kOpen,     // there is a head; pieces come
    kDone,     // all pieces are there
    kFailed,   // there will be no more, and the answer is not whole
  };
  using Reader = std::uint64_t;

  // `home` is the writer's loop. `keep`: pieces are kept for readers to come.
  FlightLog(std::shared_ptr<EventLoop> home, bool keep) : home_(std::move(home)), keep_(keep) {}

  // Of the writer, on its loop.
  void SetHead(HttpHead head);
  void Append(FlightPiece piece);
  void End(State state, std::string failure);
  bool IsFull() const;
  // Called on the home loop when IsFull() has become false, or the last reader has gone.
  void SetRelieved(std::function<void()> relieved);
  // From now on pieces that all have read are dropped.
  void StopKeeping();
  bool keeps() const;
  std::size_t readers() const;

  // The answer in all its forms, as EncodeAnswer() writes it; null: it is none that is kept. Once.
  void SetRecord(std::shared_ptr<const std::string> record);

  // `wake` runs on `loop`, for every change, until Leave(). A reader that only waits for the record
  // never holds the writer up.
  Reader Join(std::shared_ptr<EventLoop> loop, bool for_record, std::function<void()> wake);
  void Leave(Reader reader);
  // The next piece; nothing when it is not there yet.
  std::optional<FlightPiece> Next(Reader reader);

  State state() const;
  // Valid from kOpen on, and as long as the log.
  const HttpHead& head() const { return head_; }
  std::string failure() const;  // why it is kFailed, for callers to read
  // Whether the record is decided, and what it is.
  bool has_record() const;
  std::shared_ptr<const std::string> record() const;

 private:
  struct Member {
    std::shared_ptr<EventLoop> loop;
    bool for_record = false;
    std::function<void()> wake;
    std::uint64_t next = 0;        // piece
    std::uint64_t read_bytes = 0;  // before it
  };

  bool IsFullLocked() const NEARHIT_REQUIRES(mu_);
  void TrimLocked() NEARHIT_REQUIRES(mu_);
  void Wake() NEARHIT_EXCLUDES(mu_);
  void RelieveIfDue() NEARHIT_EXCLUDES(mu_);

  const std::shared_ptr<EventLoop> home_;
  HttpHead head_;  // constant once state_ is not kWaiting

  mutable Mutex mu_;
  State state_ NEARHIT_GUARDED_BY(mu_) = State::kWaiting;
  bool keep_ NEARHIT_GUARDED_BY(mu_);
  std::vector<FlightPiece> pieces_ NEARHIT_GUARDED_BY(mu_);
  std::uint64_t first_ NEARHIT_GUARDED_BY(mu_) = 0;  // number of pieces_[0]
  std::uint64_t bytes_ NEARHIT_GUARDED_BY(mu_) = 0;  // of all pieces ever
  std::string failure_ NEARHIT_GUARDED_BY(mu_);
  bool has_record_ NEARHIT_GUARDED_BY(mu_) = false;
  std::shared_ptr<const std::string> record_ NEARHIT_GUARDED_BY(mu_);
  std::unordered_map<Reader, Member> members_ NEARHIT_GUARDED_BY(mu_);
  Reader last_reader_ NEARHIT_GUARDED_BY(mu_) = 0;
  bool held_up_ NEARHIT_GUARDED_BY(mu_) = false;  // IsFull() was true
  std::function<void()> relieved_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit::server
