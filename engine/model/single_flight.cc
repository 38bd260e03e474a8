#include "engine/model/single_flight.h"

#include <algorithm>

#include "base/check.h"

namespace nearhit {

SingleFlight::SingleFlight() = default;
SingleFlight::~SingleFlight() = default;

SingleFlight::Ticket SingleFlight::Join(std::string_view text) {
  const MutexLock lock(&mu_);
  if (const auto known = flights_.find(text); known != flights_.end()) {
    return {.lead = {}, .follow = Follow(known->second)};
  }
  auto flight = std::make_shared<Flight>();
  flights_.emplace(text, flight);
  return {.lead = Lead(this, text, std::move(flight)), .follow = {}};
}

SingleFlight::Lead::~Lead() {
  if (flight_ != nullptr) {
    owner_->End(text_, flight_.get(), /*left=*/true, {});
  }
}

void SingleFlight::Lead::Finish(std::span<const float> row) {
  NEARHIT_CHECK(flight_ != nullptr);
  owner_->End(text_, flight_.get(), /*left=*/false, row);
  flight_.reset();
}

void SingleFlight::End(std::string_view text, Flight* flight, bool left,
                       std::span<const float> row) {
  {
    const MutexLock lock(&mu_);
    flights_.erase(text);
  }
  {
    const MutexLock lock(&flight->mu);
    flight->ended = true;
    flight->left = left;
    flight->row.assign(row.begin(), row.end());
  }
  flight->has_ended.NotifyAll();
}

SingleFlight::Follow::Outcome SingleFlight::Follow::Wait(
    std::chrono::steady_clock::time_point deadline, std::span<float> row) {
  const MutexLock lock(&flight_->mu);
  bool in_time = true;
  while (!flight_->ended && in_time) {
    in_time = flight_->has_ended.WaitUntil(&flight_->mu, deadline);
  }
  if (!flight_->ended) {
    return Outcome::kDeadline;
  }
  if (flight_->left) {
    return Outcome::kLeft;
  }
  if (flight_->row.empty()) {
    std::fill(row.begin(), row.end(), 0.0F);
  } else {
    std::copy(flight_->row.begin(), flight_->row.end(), row.begin());
  }
  return Outcome::kDone;
}

}  // namespace nearhit
