// Cache: labels, and what the policy makes of them.

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/normalize.h"
#include "engine/cache/cache.h"
#include "engine/policy/budget_policy.h"
#include "engine/policy/guards.h"

namespace nearhit {

namespace {

// What the vectors of both texts have in common. Requires: as long as each other.
std::optional<float> Cosine(std::vector<float> asked, std::vector<float> matched) {
  if (!NormalizeFor(Metric::kCosine, asked) || !NormalizeFor(Metric::kCosine, matched)) {
    return std::nullopt;
  }
  return std::inner_product(asked.begin(), asked.end(), matched.begin(), 0.0F);
}

// Of a sampled label: what it stands for, and what it was drawn from.
void AddSample(const LabelRequest& request, const CacheSettings& settings, const Traffic& traffic,
               JudgedPair* pair) {
  if (request.requests > 0) {  // the caller's own, of everything that may be near
    pair->requests = request.requests;
    pair->frame_cosine = BudgetPolicy::kLeastCosine;
    return;
  }
  pair->requests = std::max(1.0F, traffic.RequestsPerNear());
  pair->of_traffic = true;
  pair->frame_cosine = settings.serving->LeastScore({});
  pair->frame_guards = GuardSet::All().Without(settings.config.guards_off);
}

// Of the two texts; nothing when one of them has no vector.
std::optional<float> CosineOf(const Collection& collection, const CacheSettings& settings,
                              const LabelRequest& request, std::string_view matched) {
  if (settings.config.dimension == 0 || settings.config.metric != Metric::kCosine) {
    return std::nullopt;
  }
  const VectorView given = request.prompt.vector;
  std::vector<float> rows[2] = {{given.begin(), given.end()}, {}};
  if (request.id) {
    Result<std::vector<float>> stored = collection.ReadVector(request.id);
    if (!stored.ok()) {
      return std::nullopt;
    }
    rows[1] = *std::move(stored);
  }
  const std::string_view texts[2] = {request.prompt.slot, matched};
  for (std::size_t i = 0; i < 2; ++i) {
    if (rows[i].empty() && settings.embedder != nullptr) {
      Result<std::vector<float>> made =
          settings.embedder->EmbedForIndex({&texts[i], 1}, {.deadline = request.deadline});
      if (!made.ok()) {
        return std::nullopt;
      }
      rows[i] = *std::move(made);
    }
  }
  return rows[0].size() == rows[1].size() && !rows[0].empty()
             ? Cosine(std::move(rows[0]), std::move(rows[1]))
             : std::nullopt;
}

}  // namespace

Result<LabelResult> Cache::Label(const LabelRequest& request) {
  const std::shared_ptr<const CacheSettings> now = settings_.now();
  ScopeRef scope(request.prompt.scope);
  NEARHIT_RETURN_IF_ERROR(collection_->Resolve(&scope, ReadMode::kBlocking));
  std::string matched(request.matched);
  if (request.id) {
    NEARHIT_ASSIGN_OR_RETURN(const StoredEntry entry,
                             collection_->Read(request.id, ReadMode::kBlocking));
    if (scope.partition() != entry.record.partition) {
      return InvalidArgument("the entry is not of the prompt's scope");
    }
    matched = entry.record.key;
  }
  if (matched == request.prompt.slot) {
    return FailedPrecondition("the entry is stored under this very prompt: delete it");
  }
  LabelBook::NewLabel label{.asked = scope.HashOf(request.prompt.slot)};
  label.pair = {.entry = scope.HashOf(matched),
                .principal = Hash64(request.principal),
                .source = request.source,
                .serves = request.serves};
  if (request.sampled) {
    AddSample(request, *now, *tracking_->traffic, &label.pair);
  }
  const PromptFacts asked_facts(request.prompt.slot);
  const PromptFacts matched_facts(matched);
  label.pair.conflicts = FindConflicts(asked_facts, matched_facts);
  const std::optional<float> cosine = CosineOf(*collection_, *now, request, matched);
  if (cosine) {
    label.pair.features = FeaturesOf(asked_facts, matched_facts, *cosine);
    label.has_features = true;
  }
  // What was not read by anybody, or says a caller, answers no prompt by itself.
  label.alias = request.serves && request.source >= LabelSource::kJudge;
  const ReaderLock writing(&writes_mu_);
  NEARHIT_RETURN_IF_ERROR(CheckCurrent());
  NEARHIT_ASSIGN_OR_RETURN(const bool alias, labels().Put(label));
  return LabelResult{.alias = alias};
}

PolicyReport Cache::Report() const {
  const std::shared_ptr<const CacheSettings> now = settings_.now();
  PolicyReport report;
  report.requests = tracking_->traffic->requests();
  report.near = tracking_->traffic->near();
  report.fitted = now->lessons->fitted();
  report.judged_requests =
      static_cast<float>(now->lessons->Requests(tracking_->traffic->RequestsPerNear()));
  for (std::size_t i = 0; i < kGuardNames.size(); ++i) {
    report.guard_right[i] = now->lessons->right_refused(static_cast<Guard>(i));
    report.guard_wrong[i] = now->lessons->wrong_refused(static_cast<Guard>(i));
  }
  tracking_->labels->AddTo(&report);
  now->serving->Report(&report);
  return report;
}

}  // namespace nearhit
