// The flights of one loop.

#include <functional>
#include <utility>

#include "server/gateway/flight.h"

namespace nearhit::server {

FlightTable::FlightTable(const FlightHost& host, std::shared_ptr<EventLoop> loop)
    : host_(host), loop_(std::move(loop)), client_(loop_.get(), kMaxConnections) {
}

FlightTable::~FlightTable() = default;

FlightTable::Joined FlightTable::Join(FlightRequest request, std::uint64_t random) {
  if (const auto found = by_key_.find(request.key); found != by_key_.end()) {
    Flight& flight = *found->second;
    if (request.store) {
      flight.Adopt(std::move(request.store->review));
    }
    return {.log = flight.log(),
            .for_record = flight.request().stream != request.stream || flight.has_landed()};
  }
  if (IsStoredSince(request.key, request.looked_up)) {
    return {};
  }
  const auto flight = std::make_shared<Flight>(host_, loop_, this, std::move(request));
  all_.emplace(flight.get(), flight);
  if (!flight->request().key.empty()) {
    by_key_.emplace(flight->request().key, flight.get());
  }
  flight->Start(random);
  return {.log = flight->log(), .leads = true};
}

void FlightTable::Retire(Flight* flight) {
  flight->log()->StopKeeping();
  const auto found = by_key_.find(flight->request().key);
  if (found != by_key_.end() && found->second == flight) {
    by_key_.erase(found);
  }
}

void FlightTable::RetireStored(Flight* flight) {
  Retire(flight);
  const auto now = std::chrono::steady_clock::now();
  stored_.emplace_back(now, std::hash<std::string>()(flight->request().key));
  while (stored_.front().first + host_.longest_lookup < now) {
    stored_.pop_front();
  }
}

bool FlightTable::IsStoredSince(const std::string& key, EventLoop::TimePoint when) const {
  const std::size_t hash = std::hash<std::string>()(key);
  for (auto stored = stored_.rbegin(); stored != stored_.rend() && stored->first >= when;
       ++stored) {
    if (stored->second == hash) {
      return true;
    }
  }
  return false;
}

void FlightTable::Remove(Flight* flight) {
  const auto found = all_.find(flight);
  loop_->Post([gone = std::move(found->second)] {});
  all_.erase(found);
}

}  // namespace nearhit::server
