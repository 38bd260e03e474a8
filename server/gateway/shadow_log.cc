#include "server/gateway/shadow_log.h"

#include <numeric>
#include <utility>

#include "base/normalize.h"
#include "base/utf8.h"
#include "server/gateway/stored_answer.h"

namespace nearhit::server {
namespace {

constexpr std::chrono::seconds kMostWait{5};  // for an embedder

std::string Beginning(std::string_view text) {
  std::size_t size = std::min(text.size(), ShadowLog::kMostText);
  while (size < text.size() && size > 0 &&
         (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  return std::string(text.substr(0, size));
}

// Runs of white space are one blank; none at either end.
std::string Collapsed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::string out;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) {
      return out;
    }
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(kSpace));
    out += (out.empty() ? "" : " ") + std::string(word);
    text.remove_prefix(word.size());
  }
}

std::string TextOf(std::optional<Api> api, std::string_view record) {
  Result<StoredAnswer> answer = DecodeAnswer(record);
  MadeForm made;
  return api && answer.ok() && AddForm(api, false, &*answer, &made).ok()
             ? AnswerText(*api, answer->body)
             : std::string();
}

std::optional<float> Similarity(ServiceCore* core, const std::string& name_space,
                                const std::string& one, const std::string& other) {
  const std::array<std::string_view, 2> texts = {one, other};
  Result<Embeddings> made =
      core->Embed(name_space, texts, std::chrono::steady_clock::now() + kMostWait);
  if (!made.ok() || !NormalizeFor(Metric::kCosine, made->vectors[0]) ||
      !NormalizeFor(Metric::kCosine, made->vectors[1]) ||
      made->vectors[0].size() != made->vectors[1].size()) {
    return std::nullopt;
  }
  return std::transform_reduce(made->vectors[0].begin(), made->vectors[0].end(),
                               made->vectors[1].begin(), 0.0F);
}

}  // namespace

void ShadowLog::Add(ShadowDecision decision) {
  MutexLock lock(&mu_);
  bytes_ += BytesOf(decision);
  decisions_.push_back(std::move(decision));
  while (decisions_.size() > kMost || bytes_ > kMostBytes) {
    bytes_ -= BytesOf(decisions_.front());
    decisions_.pop_front();
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

void ShadowReview::Run(const std::string* record) const {
  ShadowDecision out = decision;
  const std::string stored_text = TextOf(api, stored);
  const std::string provider_text = record == nullptr ? std::string() : TextOf(api, *record);
  out.stored_text = Beginning(stored_text);
  out.provider_text = Beginning(provider_text);
  if (!stored_text.empty() && !provider_text.empty()) {
    const bool same = Collapsed(stored_text) == Collapsed(provider_text);
    out.agreement = same ? Agreement::kSame : Agreement::kDifferent;
    out.answer_similarity =
        same ? std::optional(1.0F)
             : Similarity(core, out.name_space, out.stored_text, out.provider_text);
  }
  metrics->CountShadow(out.kind, AgreementName(out.agreement), out.answer_similarity);
  log->Add(std::move(out));
}

}  // namespace nearhit::server
