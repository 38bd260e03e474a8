#include "server/gateway/shadow_log.h"

#include <algorithm>
#include <utility>

namespace nearhit::server {

std::string BeginningOf(std::string_view text, std::size_t bytes) {
  std::size_t size = std::min(text.size(), bytes);
  while (size < text.size() && size > 0 &&
         (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  return std::string(text.substr(0, size));
}

std::uint64_t ShadowLog::Add(ShadowDecision decision) {
  MutexLock lock(&mu_);
  const std::uint64_t number = first_ + decisions_.size();
  bytes_ += BytesOf(decision);
  decisions_.push_back(std::move(decision));
  while (decisions_.size() > kMost || bytes_ > kMostBytes) {
    bytes_ -= BytesOf(decisions_.front());
    decisions_.pop_front();
    ++first_;
  }
  return number;
}

void ShadowLog::SetLabel(std::uint64_t number, ShadowLabel label) {
  MutexLock lock(&mu_);
  if (number >= first_ && number - first_ < decisions_.size()) {
    decisions_[number - first_].label = label;
  }
}

std::vector<ShadowDecision> ShadowLog::List(std::string_view caller, std::size_t limit) const {
  MutexLock lock(&mu_);
  std::vector<ShadowDecision> found;
  for (auto decision = decisions_.rbegin(); decision != decisions_.rend() && found.size() < limit;
       ++decision) {
    if (decision->caller == caller) {
      found.push_back(*decision);
    }
  }
  return found;
}

std::size_t ShadowLog::BytesOf(const ShadowDecision& decision) {
  return decision.asked.size() + decision.matched.size() + decision.stored_text.size() +
         decision.provider_text.size();
}

}  // namespace nearhit::server
