#include "server/gateway/shadow_review.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "base/normalize.h"
#include "server/gateway/stored_answer.h"

namespace nearhit::server {
namespace {

constexpr std::chrono::seconds kMostWait{5};  // for an embedder
// Texts that a model cannot read whole are compared by their beginnings, of this much at least.
constexpr std::size_t kLeastText = 128;
// Beyond these the similarity of two answers says whether they are the same.
constexpr float kSurelyDifferent = 0.5F;
constexpr float kSurelySame = 0.98F;

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

struct Comparison {
  Agreement agreement = Agreement::kUnknown;
  std::optional<float> similarity{};
  bool failed = false;  // the embedder was to say, and could not
};

// Nothing when one of them has no vector.
std::optional<float> Cosine(std::vector<float> one, std::vector<float> other) {
  if (one.size() != other.size() || !NormalizeFor(Metric::kCosine, one) ||
      !NormalizeFor(Metric::kCosine, other)) {
    return std::nullopt;
  }
  return std::transform_reduce(one.begin(), one.end(), other.begin(), 0.0F);
}

// Of texts that are not the same.
Comparison CompareByMeaning(ServiceCore* core, const std::string& name_space, std::string_view one,
                            std::string_view other) {
  Comparison out{.agreement = Agreement::kDifferent};
  const auto deadline = std::chrono::steady_clock::now() + kMostWait;
  const std::size_t longest = std::max(one.size(), other.size());
  for (std::size_t size = std::min(longest, ShadowLog::kMostText); size >= 1;
       size = size / 2 < kLeastText ? 0 : size / 2) {
    const std::array<std::string, 2> begins = {BeginningOf(one, size), BeginningOf(other, size)};
    if (begins[0] == begins[1]) {
      return out;  // what differs is behind it
    }
    const std::array<std::string_view, 2> texts = {begins[0], begins[1]};
    Result<Embeddings> made = core->Embed(name_space, texts, deadline);
    if (!made.ok()) {
      made.status().IgnoreError();
      out.failed = true;
      return out;
    }
    out.similarity = Cosine(std::move(made->vectors[0]), std::move(made->vectors[1]));
    if (out.similarity) {
      return out;
    }
  }
  return out;
}

Comparison Compare(ServiceCore* core, const std::string& name_space, const std::string& stored,
                   const std::string& fresh) {
  if (stored.empty() || fresh.empty()) {
    return {};
  }
  if (Collapsed(stored) == Collapsed(fresh)) {
    return {.agreement = Agreement::kSame, .similarity = 1.0F};
  }
  return CompareByMeaning(core, name_space, stored, fresh);
}

// Whether the stored answer serves, as far as the texts say. Nothing: they say nothing.
std::optional<bool> Serves(const Comparison& comparison, float same_answer) {
  if (comparison.agreement == Agreement::kUnknown || comparison.failed) {
    return std::nullopt;
  }
  return comparison.agreement == Agreement::kSame ||
         (comparison.similarity && *comparison.similarity >= same_answer);
}

bool IsUnsure(const Comparison& comparison) {
  return comparison.agreement == Agreement::kDifferent &&
         (!comparison.similarity ||
          (*comparison.similarity > kSurelyDifferent && *comparison.similarity < kSurelySame));
}

// Gives the labels of one pair, on any thread that may wait.
struct Labeller {
  ServiceCore* core = nullptr;
  std::shared_ptr<ShadowLog> log{};
  std::shared_ptr<GatewayMetrics> metrics{};
  std::string name_space{};
  std::string scope{};
  std::string asked{};
  EntryId entry{};

  // False when it was not taken, as when the entry has gone.
  bool Give(bool serves, LabelSource source) const {
    auto cache = core->db().Cache(name_space);
    if (!cache.ok()) {
      return false;
    }
    LabelRequest label;
    label.prompt = {.scope = scope, .slot = asked};
    label.id = entry;
    label.serves = serves;
    label.source = source;
    label.sampled = true;
    label.deadline = std::chrono::steady_clock::now() + kMostWait;
    const bool given = (*cache)->Label(label).ok();
    if (given) {
      metrics->CountLabel(serves, source);
    }
    return given;
  }
};

// The record of an answer, and the prompt that it is stored under.
struct StoredPair {
  std::string record{};  // empty: it is not there any more, or no answer
  std::string slot{};
};

StoredPair ReadEntry(ServiceCore* core, const std::string& name_space, EntryId id) {
  auto cache = core->db().Cache(name_space);
  Result<Entry> entry = cache.ok() ? (*cache)->Get(id) : Result<Entry>(cache.status());
  if (!entry.ok() || entry->metadata.content_type != kStoredAnswerType) {
    return {};
  }
  return {.record = std::move(entry->answer), .slot = std::move(entry->slot)};
}

}  // namespace

void ShadowReview::Run(const std::string* record) const {
  ShadowDecision out = decision;
  StoredPair pair{.record = stored, .slot = decision.matched};
  if (stored.empty()) {
    pair = ReadEntry(host.core, out.name_space, out.entry_id);
    out.matched = pair.slot;
  }
  const std::string stored_text = TextOf(api, pair.record);
  const std::string fresh_text = record == nullptr ? std::string() : TextOf(api, *record);
  out.stored_text = BeginningOf(stored_text, ShadowLog::kMostText);
  out.provider_text = BeginningOf(fresh_text, ShadowLog::kMostText);
  const Comparison comparison = Compare(host.core, out.name_space, stored_text, fresh_text);
  out.agreement = comparison.agreement;
  out.answer_similarity = comparison.similarity;
  host.metrics->CountShadow(out.kind, AgreementName(out.agreement), out.answer_similarity);

  const auto labeller = std::make_shared<const Labeller>(Labeller{.core = host.core,
                                                                  .log = host.log,
                                                                  .metrics = host.metrics,
                                                                  .name_space = out.name_space,
                                                                  .scope = scope,
                                                                  .asked = out.asked,
                                                                  .entry = out.entry_id});
  const std::optional<bool> serves =
      labels ? Serves(comparison, host.same_answer) : std::optional<bool>();
  if (serves && labeller->Give(*serves, LabelSource::kShadow)) {
    out.label = {.serves = *serves, .source = LabelSource::kShadow};
  }
  // Of what is not sure the judge has the last word. Until then, and where it has none, the label
  // of the similarity stands, so that the sample does not lack what is hard.
  const bool asks =
      labels && host.judge != nullptr && IsUnsure(comparison) && (out.label || comparison.failed);
  JudgeQuestion question{.asked = out.asked, .stored = out.stored_text, .fresh = out.provider_text};
  const std::uint64_t number = host.log->Add(std::move(out));
  if (!asks) {
    return;
  }
  host.judge->Ask(
      {.question = std::move(question),
       .sureness = comparison.similarity ? std::abs(*comparison.similarity - host.same_answer) : 0,
       .held_bytes = labeller->scope.size() + labeller->asked.size(),
       .done = [labeller, number](bool right) {
         const Lane lane = labeller->core->LaneOf(labeller->name_space, true);
         labeller->core
             ->Submit(lane, CallContext(),
                      [labeller, number, right] {
                        if (labeller->Give(right, LabelSource::kJudge)) {
                          labeller->log->SetLabel(number,
                                                  {.serves = right, .source = LabelSource::kJudge});
                        }
                      })
             .IgnoreError();
       }});
}

}  // namespace nearhit::server
