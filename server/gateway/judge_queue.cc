#include "server/gateway/judge_queue.h"

#include <iterator>
#include <utility>

namespace nearhit::server {

void JudgeQueue::Push(JudgePair pair) {
  bytes_ += BytesOf(pair);
  const float sureness = pair.sureness;
  pairs_.emplace(sureness, std::move(pair));
  while (pairs_.size() > kMost || bytes_ > kMostBytes) {
    const auto surest = std::prev(pairs_.end());
    bytes_ -= BytesOf(surest->second);
    pairs_.erase(surest);
  }
}

std::optional<JudgePair> JudgeQueue::Pop() {
  if (pairs_.empty()) {
    return std::nullopt;
  }
  std::optional<JudgePair> pair = std::move(pairs_.begin()->second);
  bytes_ -= BytesOf(*pair);
  pairs_.erase(pairs_.begin());
  return pair;
}

std::size_t JudgeQueue::BytesOf(const JudgePair& pair) {
  const JudgeQuestion& question = pair.question;
  return question.asked.size() + question.stored.size() + question.fresh.size() + pair.held_bytes;
}

JudgeBudget::TimePoint JudgeBudget::FreeAt(TimePoint now) {
  while (!taken_.empty() && taken_.front() + kDay <= now) {
    taken_.pop_front();
  }
  return taken_.size() < per_day_ ? now : taken_.front() + kDay;
}

}  // namespace nearhit::server
