#include "engine/model/batcher.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"

namespace nearhit {

namespace {

Status Late(const char* where) {
  return DeadlineExceeded(std::string("deadline passed ") + where);
}

bool IsPast(Batcher::TimePoint deadline) {
  return std::chrono::steady_clock::now() > deadline;
}

}  // namespace

// What one pass encodes, copied from its requests.
struct Batcher::Group {
  std::vector<std::shared_ptr<Request>> followers;
  std::vector<std::int32_t> ids;
  std::vector<std::uint32_t> lengths;
  TimePoint deadline = TimePoint::min();

  void Add(const Request& request) {
    ids.insert(ids.end(), request.ids.begin(), request.ids.end());
    lengths.insert(lengths.end(), request.lengths.begin(), request.lengths.end());
    deadline = std::max(deadline, request.deadline);
  }
};

Batcher::Batcher(EncodeFunction encode, const Options& options)
    : encode_(std::move(encode)), options_(options) {
  NEARHIT_CHECK(options_.slots > 0);
}

Batcher::~Batcher() = default;

Status Batcher::Encode(std::span<const std::int32_t> ids, std::span<const std::uint32_t> lengths,
                       TimePoint deadline, std::span<float> out) {
  std::shared_ptr<Request> own;
  {
    const MutexLock lock(&mu_);
    if (running_ < options_.slots) {
      ++running_;
    } else {
      own = std::make_shared<Request>();
      own->ids = ids;
      own->lengths = lengths;
      own->deadline = deadline;
      queue_.push_back(own);
    }
  }
  if (own != nullptr) {
    return Wait(own, out);
  }
  Status status = encode_(ids, lengths, deadline, out);
  const MutexLock lock(&mu_);
  PassSlotOn();
  return status;
}

Status Batcher::Wait(const std::shared_ptr<Request>& own, std::span<float> out) {
  {
    const MutexLock lock(&mu_);
    bool in_time = true;
    while (in_time && own->state != Request::State::kLeading &&
           own->state != Request::State::kDone) {
      in_time = own->changed.WaitUntil(&mu_, own->deadline);
    }
    if (own->state == Request::State::kDone) {
      NEARHIT_RETURN_IF_ERROR(own->status);
      std::copy(own->rows.begin(), own->rows.end(), out.begin());
      return IsPast(own->deadline) ? Late("beside texts of others") : Status();
    }
    if (own->state != Request::State::kLeading) {
      std::erase(queue_, own);
      own->state = Request::State::kLeft;
      return Late("while waiting for the model");
    }
  }
  return Lead(own.get(), out);
}

Status Batcher::Lead(Request* own, std::span<float> out) {
  Group group;
  {
    const MutexLock lock(&mu_);
    if (IsPast(own->deadline)) {
      PassSlotOn();
      return Late("while waiting for the model");
    }
    TakeGroup(own, &group);
  }
  std::vector<float> rows(group.lengths.size() * options_.dimension);
  Status status = encode_(group.ids, group.lengths, group.deadline, rows);
  const MutexLock lock(&mu_);
  GiveResults(group, status, std::span<const float>(rows).subspan(out.size()));
  PassSlotOn();
  NEARHIT_RETURN_IF_ERROR(status);
  std::copy_n(rows.begin(), out.size(), out.begin());
  return IsPast(own->deadline) ? Late("beside texts of others") : Status();
}

void Batcher::TakeGroup(Request* own, Group* group) {
  group->Add(*own);
  while (!queue_.empty() &&
         group->ids.size() + queue_.front()->ids.size() <= options_.group_tokens) {
    const std::shared_ptr<Request>& next = queue_.front();
    if (!IsPast(next->deadline)) {  // otherwise it is about to leave by itself
      next->state = Request::State::kRunning;
      group->Add(*next);
      group->followers.push_back(next);
    }
    queue_.pop_front();
  }
}

void Batcher::GiveResults(const Group& group, const Status& status,
                          std::span<const float> rows) const {
  std::size_t at = 0;
  for (const std::shared_ptr<Request>& follower : group.followers) {
    const std::size_t floats = follower->lengths.size() * options_.dimension;
    const std::span<const float> own = rows.subspan(at, floats);
    at += floats;
    if (follower->state == Request::State::kLeft) {
      continue;
    }
    follower->status = status;
    follower->rows.assign(own.begin(), own.end());
    follower->state = Request::State::kDone;
    follower->changed.NotifyOne();
  }
}

void Batcher::PassSlotOn() {
  if (queue_.empty()) {
    --running_;
    return;
  }
  queue_.front()->state = Request::State::kLeading;
  queue_.front()->changed.NotifyOne();
  queue_.pop_front();
}

std::size_t Batcher::waiting() const {
  const MutexLock lock(&mu_);
  return queue_.size();
}

}  // namespace nearhit
