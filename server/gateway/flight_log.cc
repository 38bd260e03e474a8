#include "server/gateway/flight_log.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace nearhit::server {

void FlightLog::SetHead(HttpHead head) {
  {
    MutexLock lock(&mu_);
    head_ = std::move(head);
    state_ = State::kOpen;
  }
  Wake();
}

void FlightLog::Append(FlightPiece piece) {
  {
    MutexLock lock(&mu_);
    bytes_ += piece.bytes->size();
    pieces_.push_back(std::move(piece));
  }
  Wake();
}

void FlightLog::End(State state, std::string failure) {
  {
    MutexLock lock(&mu_);
    state_ = state;
    failure_ = std::move(failure);
  }
  Wake();
}

bool FlightLog::IsFull() const {
  MutexLock lock(&mu_);
  return IsFullLocked();
}

bool FlightLog::IsFullLocked() const {
  std::uint64_t fastest = 0;
  std::uint64_t slowest = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [id, member] : members_) {
    const std::uint64_t read = member.for_record ? bytes_ : member.read_bytes;
    fastest = std::max(fastest, read);
    slowest = std::min(slowest, read);
  }
  return !members_.empty() &&
         (bytes_ - fastest >= kMaxAheadBytes || (!keep_ && bytes_ - slowest >= kMaxBehindBytes));
}

void FlightLog::SetRelieved(std::function<void()> relieved) {
  MutexLock lock(&mu_);
  relieved_ = std::move(relieved);
}

void FlightLog::StopKeeping() {
  MutexLock lock(&mu_);
  keep_ = false;
  TrimLocked();
}

bool FlightLog::keeps() const {
  MutexLock lock(&mu_);
  return keep_;
}

std::size_t FlightLog::readers() const {
  MutexLock lock(&mu_);
  return members_.size();
}

void FlightLog::SetRecord(std::shared_ptr<const std::string> record) {
  {
    MutexLock lock(&mu_);
    has_record_ = true;
    record_ = std::move(record);
  }
  Wake();
}

FlightLog::Reader FlightLog::Join(std::shared_ptr<EventLoop> loop, bool for_record,
                                  std::function<void()> wake) {
  MutexLock lock(&mu_);
  members_.emplace(++last_reader_, Member{.loop = std::move(loop),
                                          .for_record = for_record,
                                          .wake = std::move(wake),
                                          .next = first_});
  return last_reader_;
}

void FlightLog::Leave(Reader reader) {
  std::unordered_map<Reader, Member>::node_type gone;  // destroyed without the lock
  {
    MutexLock lock(&mu_);
    gone = members_.extract(reader);
    TrimLocked();
  }
  if (!gone.empty()) {
    RelieveIfDue();
  }
}

std::optional<FlightPiece> FlightLog::Next(Reader reader) {
  std::optional<FlightPiece> piece;
  {
    MutexLock lock(&mu_);
    const auto found = members_.find(reader);
    if (found == members_.end() || found->second.next - first_ >= pieces_.size()) {
      return std::nullopt;
    }
    Member& member = found->second;
    piece = pieces_[member.next - first_];
    ++member.next;
    member.read_bytes += piece->bytes->size();
    TrimLocked();
  }
  RelieveIfDue();
  return piece;
}

FlightLog::State FlightLog::state() const {
  MutexLock lock(&mu_);
  return state_;
}

std::string FlightLog::failure() const {
  MutexLock lock(&mu_);
  return failure_;
}

bool FlightLog::has_record() const {
  MutexLock lock(&mu_);
  return has_record_;
}

std::shared_ptr<const std::string> FlightLog::record() const {
  MutexLock lock(&mu_);
  return record_;
}

void FlightLog::TrimLocked() {
  if (keep_) {
    return;
  }
  std::uint64_t slowest = first_ + pieces_.size();
  for (const auto& [id, member] : members_) {
    slowest = member.for_record ? slowest : std::min(slowest, member.next);
  }
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(slowest - first_));
  first_ = slowest;
}

// On the reader's own loop at once, so that a piece goes out in the round in which it came in.
void FlightLog::Wake() {
  std::vector<std::pair<std::shared_ptr<EventLoop>, std::function<void()>>> wakes;
  {
    MutexLock lock(&mu_);
    held_up_ = held_up_ || IsFullLocked();
    wakes.reserve(members_.size());
    for (const auto& [id, member] : members_) {
      wakes.emplace_back(member.loop, member.wake);
    }
  }
  for (auto& [loop, wake] : wakes) {
    if (loop == home_) {
      wake();
    } else {
      loop->Post(std::move(wake));
    }
  }
}

void FlightLog::RelieveIfDue() {
  std::function<void()> relieved;
  {
    MutexLock lock(&mu_);
    if (!members_.empty() && (!held_up_ || IsFullLocked())) {
      return;
    }
    held_up_ = false;
    relieved = relieved_;
  }
  if (relieved) {
    home_->Post(std::move(relieved));
  }
}

}  // namespace nearhit::server
