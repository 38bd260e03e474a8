#include "engine/cache/lookup_pipeline.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/normalize.h"
#include "engine/cache/stopwatch.h"

namespace nearhit {

namespace {

ReadContext ContextOf(const LookupOptions& options) {
  return {.mode = options.non_blocking ? ReadMode::kNonBlocking : ReadMode::kBlocking,
          .deadline = options.deadline};
}

// Between the prompts of a batch. `bytes` counts the answers of a call; one alone may have any
// size.
Status CheckBatch(const LookupOptions& options, std::size_t prompts, const LookupResult& result,
                  std::size_t* bytes) {
  if (prompts == 1) {
    return Status();
  }
  const std::size_t limit = std::min(options.max_result_bytes, kMaxResultBytes);
  *bytes += result.answer.size() + result.matched_slot.size();
  if (*bytes > limit) {
    return ResourceExhausted("the answers to " + std::to_string(prompts) + " prompts have over " +
                             std::to_string(limit) + " bytes: ask for fewer at a time");
  }
  return options.still_wanted ? options.still_wanted() : Status();
}

void AddCandidate(LookupTrace* trace, const ScoredEntry& candidate, const Verdict& verdict) {
  if (trace != nullptr) {
    trace->candidates.push_back({.id = candidate.id,
                                 .score = candidate.score,
                                 .served = verdict.serve,
                                 .reason = verdict.reason,
                                 .rule = std::string(verdict.rule)});
  }
}

}  // namespace

LookupPipeline::LookupPipeline(const Collection* collection, const Clock* clock,
                               EntryTracking* tracking, const CacheSettings* settings,
                               const LookupOptions* options)
    : collection_(*collection),
      clock_(*clock),
      tracking_(*tracking),
      settings_(*settings),
      options_(*options),
      context_(ContextOf(*options)) {
}

Status LookupPipeline::Run(std::span<LookupState> lookups) {
  std::size_t bytes = 0;
  for (LookupState& lookup : lookups) {
    if (options_.explain && lookup.trace == nullptr) {
      lookup.trace = std::make_shared<LookupTrace>();
    }
    if (lookup.stage == LookupState::Stage::kExact) {
      NEARHIT_RETURN_IF_ERROR(TryExact(&lookup));
    }
    NEARHIT_RETURN_IF_ERROR(CheckBatch(options_, lookups.size(), lookup.result, &bytes));
  }
  NEARHIT_RETURN_IF_ERROR(MakeVectors(lookups));
  for (LookupState& lookup : lookups) {
    if (lookup.stage != LookupState::Stage::kDone) {
      NEARHIT_RETURN_IF_ERROR(TrySemantic(&lookup));
      NEARHIT_RETURN_IF_ERROR(CheckBatch(options_, lookups.size(), lookup.result, &bytes));
    }
  }
  for (LookupState& lookup : lookups) {
    Count(lookup.result);
    if (tracking_.traffic->Observe(lookup.near, lookup.odds)) {
      settings_.serving->FollowTraffic();
    }
    lookup.result.trace = std::move(lookup.trace);
  }
  return Status();
}

Status LookupPipeline::RecordReadError(Status error, LookupResult* result) {
  if (error.code() == StatusCode::kWouldBlock || error.code() == StatusCode::kDeadlineExceeded) {
    return error;
  }
  tracking_.counters.Add<&NamespaceStats::read_errors>();
  result->miss_reason = MissReason::kReadError;
  return Status();
}

Status LookupPipeline::TryExact(LookupState* lookup) {
  const Stopwatch watch(lookup->trace.get(), &LookupTrace::exact_us);
  LookupResult& result = lookup->result;
  if (Status resolved = collection_.Resolve(&lookup->scope, context_.mode); !resolved.ok()) {
    NEARHIT_RETURN_IF_ERROR(RecordReadError(std::move(resolved), &result));
    lookup->stage = LookupState::Stage::kDone;
    return Status();
  }
  Result<std::optional<StoredEntry>> found =
      collection_.Find(lookup->scope, lookup->prompt.slot, context_.mode);
  if (!found.ok()) {
    NEARHIT_RETURN_IF_ERROR(RecordReadError(found.status(), &result));
  } else if (!*found) {
    result.miss_reason =
        lookup->scope.has_entries() ? MissReason::kBelowThreshold : MissReason::kEmpty;
  } else if (IsExpired(**found)) {
    result.miss_reason = MissReason::kExpired;
  } else {
    Serve(HitKind::kExact, 1.0F, **std::move(found), &result);
  }
  if (lookup->trace != nullptr) {
    lookup->trace->scope_found = lookup->scope.has_entries();
  }
  lookup->stage = result.kind == HitKind::kExact || options_.exact_only
                      ? LookupState::Stage::kDone
                      : LookupState::Stage::kVector;
  if (lookup->stage == LookupState::Stage::kVector && !tracking_.labels->empty() &&
      !options_.min_score) {
    return TryAlias(lookup);
  }
  return Status();
}

// A label says that an entry answers this very text.
Status LookupPipeline::TryAlias(LookupState* lookup) {
  const std::optional<Hash128> target =
      tracking_.labels->AliasOf(lookup->scope.HashOf(lookup->prompt.slot));
  const EntryId id = target ? collection_.IdOfHash(*target) : EntryId{};
  if (!id) {
    return Status();
  }
  Result<StoredEntry> entry = collection_.Read(id, context_.mode);
  if (entry.status().code() == StatusCode::kWouldBlock) {
    lookup->stage = LookupState::Stage::kExact;
    return entry.status();
  }
  // What cannot be read, has expired or only has the same hash may yet be found by meaning.
  if (!entry.ok()) {
    entry.IgnoreError();
  } else if (lookup->scope.partition() == entry->record.partition && !IsExpired(*entry)) {
    Serve(HitKind::kSemantic, std::nullopt, *std::move(entry), &lookup->result);
    lookup->result.rule = "label";
    lookup->stage = LookupState::Stage::kDone;
  }
  return Status();
}

Status LookupPipeline::MakeVectors(std::span<LookupState> lookups) {
  std::vector<std::string_view> texts;
  for (LookupState& lookup : lookups) {
    if (lookup.stage != LookupState::Stage::kVector) {
      continue;
    }
    const VectorView given = lookup.prompt.vector;
    if (settings_.config.dimension != 0 && !given.empty()) {
      lookup.vector.assign(given.begin(), given.end());
      NormalizeFor(settings_.config.metric, lookup.vector);  // it has been validated
      lookup.stage = LookupState::Stage::kSearch;
    } else if (settings_.config.dimension != 0 && settings_.embedder != nullptr) {
      texts.push_back(lookup.prompt.slot);
    } else {
      lookup.MissFor(MissReason::kNoVector);
    }
  }
  return texts.empty() ? Status() : EmbedTexts(texts, lookups);
}

// Of the lookups that are still at kVector.
Status LookupPipeline::EmbedTexts(std::span<const std::string_view> texts,
                                  std::span<LookupState> lookups) {
  const auto began = std::chrono::steady_clock::now();
  Result<std::vector<float>> rows = settings_.embedder->EmbedForIndex(
      texts, {.deadline = context_.deadline,
              .admission = EmbedAdmission::kIfHealthy,
              .non_blocking = context_.mode == ReadMode::kNonBlocking});
  // Where a wait is allowed it is a failure of the embedder like any other.
  if (rows.status().code() == StatusCode::kWouldBlock && context_.mode == ReadMode::kNonBlocking) {
    return rows.status();
  }
  if (!rows.ok()) {
    rows.IgnoreError();  // the result has a reason for it, not a message
    tracking_.counters.Add<&NamespaceStats::embed_failures>(texts.size());
  }
  std::span<const float> left =
      rows.ok() ? std::span<const float>(*rows) : std::span<const float>();
  for (LookupState& lookup : lookups) {
    if (lookup.stage != LookupState::Stage::kVector) {
      continue;
    }
    if (lookup.trace != nullptr) {
      lookup.trace->embedded = true;
      lookup.trace->embed_us += MicrosSince(began);
    }
    if (!rows.ok()) {
      lookup.MissFor(MissReason::kEmbedFailed);
      continue;
    }
    const std::span<const float> row = left.first(settings_.embedder->dimension());
    left = left.subspan(row.size());
    if (IsZero(row)) {
      tracking_.counters.Add<&NamespaceStats::texts_not_read>();
      lookup.MissFor(MissReason::kTextNotRead);
    } else {
      lookup.vector.assign(row.begin(), row.end());
      lookup.stage = LookupState::Stage::kSearch;
    }
  }
  return Status();
}

Status LookupPipeline::TrySemantic(LookupState* lookup) {
  const Stopwatch watch(lookup->trace.get(), &LookupTrace::candidates_us);
  const float least = settings_.serving->LeastScore(options_.min_score);
  while (lookup->stage != LookupState::Stage::kDone) {
    NEARHIT_RETURN_IF_ERROR(lookup->stage == LookupState::Stage::kSearch
                                ? FindCandidates(least, lookup)
                                : JudgeCandidates(least, lookup));
  }
  return Status();
}

Status LookupPipeline::FindCandidates(float least, LookupState* lookup) {
  LookupResult& result = lookup->result;
  if (lookup->k == 0) {
    lookup->k = settings_.serving->candidates();
  }
  bool damaged = false;
  CollectionSearch search{.k = lookup->k,
                          .min_score = least,
                          .any_match = lookup->k == 1,
                          .damaged = &damaged,
                          .context = context_};
  if (lookup->trace != nullptr) {
    ++lookup->trace->searches;
    search.context.explanation = &lookup->trace->search;
  }
  Result<std::vector<ScoredEntry>> found =
      collection_.Search(lookup->scope, lookup->vector, search);
  if (!found.ok()) {
    NEARHIT_RETURN_IF_ERROR(RecordReadError(found.status(), &result));
    lookup->stage = LookupState::Stage::kDone;
    return Status();
  }
  const bool any_near = !found->empty() && found->front().score >= least;
  if (!found->empty()) {
    result.score = found->front().score;
  }
  if (damaged && !any_near) {
    NEARHIT_RETURN_IF_ERROR(RecordReadError(DataLoss("a stored vector is damaged"), &result));
  } else if (!found->empty() && !any_near && result.miss_reason == MissReason::kEmpty) {
    result.miss_reason = MissReason::kBelowThreshold;  // stored a moment ago
  }
  lookup->candidates = *std::move(found);
  lookup->next = 0;
  lookup->stage = any_near ? LookupState::Stage::kJudge : LookupState::Stage::kDone;
  return Status();
}

Status LookupPipeline::JudgeCandidates(float least, LookupState* lookup) {
  LookupResult& result = lookup->result;
  for (; lookup->next < lookup->candidates.size(); ++lookup->next) {
    const ScoredEntry& candidate = lookup->candidates[lookup->next];
    if (candidate.score < least) {
      lookup->stage = LookupState::Stage::kDone;
      return Status();
    }
    if (lookup->HasSeen(candidate.id)) {
      continue;
    }
    Result<StoredEntry> entry = collection_.Read(candidate.id, context_.mode);
    if (entry.status().code() == StatusCode::kNotFound && lookup->repeats++ < kMostRepeats) {
      lookup->stage = LookupState::Stage::kSearch;  // another may have taken its place
      return Status();
    }
    if (!entry.ok()) {
      NEARHIT_RETURN_IF_ERROR(RecordReadError(entry.status(), &result));
    } else if (JudgeEntry(candidate, *std::move(entry), lookup)) {
      lookup->stage = LookupState::Stage::kDone;
      return Status();
    }
    lookup->seen.push_back(candidate.id);
  }
  // All of them are past their time, not readable or refused: what is behind them counts.
  const bool more = lookup->candidates.size() == lookup->k && lookup->k < kMaxNeighbors;
  lookup->k = std::min(lookup->k * 4, kMaxNeighbors);
  lookup->stage = more ? LookupState::Stage::kSearch : LookupState::Stage::kDone;
  return Status();
}

// Whether the lookup is over: the entry is served, or the policy has seen as many as it wants.
bool LookupPipeline::JudgeEntry(const ScoredEntry& candidate, StoredEntry entry,
                                LookupState* lookup) {
  LookupTrace* const trace = lookup->trace.get();
  if (IsExpired(entry)) {
    lookup->result.miss_reason = MissReason::kExpired;
    AddCandidate(trace, candidate, {.reason = MissReason::kExpired, .rule = "expiry"});
    return false;
  }
  const Verdict verdict = VerdictOn(candidate, entry, *lookup);
  AddCandidate(trace, candidate, verdict);
  lookup->result.rule = verdict.rule;
  if (verdict.serve || verdict.reason == MissReason::kOverBudget) {
    if (!lookup->near || verdict.odds > lookup->odds) {
      lookup->result.candidate = candidate.id;
      lookup->odds = verdict.odds;
    }
    lookup->near = true;
  }
  if (verdict.serve) {
    Serve(HitKind::kSemantic, candidate.score, std::move(entry), &lookup->result);
    return true;
  }
  lookup->result.miss_reason = verdict.reason;
  return ++lookup->judged == settings_.serving->candidates();
}

Verdict LookupPipeline::VerdictOn(const ScoredEntry& candidate, const StoredEntry& entry,
                                  const LookupState& lookup) const {
  Evidence evidence{.asked = lookup.prompt.slot,
                    .matched = entry.record.key,
                    .score = candidate.score,
                    .min_score = options_.min_score};
  if (!tracking_.labels->empty()) {
    evidence.entry = lookup.scope.HashOf(entry.record.key);
    if (tracking_.labels->IsWrong(lookup.scope.HashOf(lookup.prompt.slot), evidence.entry)) {
      return {.reason = MissReason::kLabelled, .rule = "label"};
    }
  }
  return settings_.serving->Judge(evidence);
}

bool LookupPipeline::IsExpired(const StoredEntry& entry) const {
  const std::int64_t expires_us = entry.record.expires_us;
  return (expires_us != 0 && clock_.NowMicros() >= expires_us) ||
         tracking_.IsIdle(entry.id, settings_.config, clock_);
}

void LookupPipeline::Serve(HitKind kind, std::optional<float> score, StoredEntry entry,
                           LookupResult* result) {
  const std::int64_t now_us = clock_.NowMicros();
  const PayloadRecord& record = entry.record;
  result->kind = kind;
  result->miss_reason = MissReason::kNone;
  result->score = score;
  result->id = entry.id;
  result->candidate = entry.id;
  result->answer = record.payload;
  result->matched_slot = record.key;
  result->metadata = {.content_type = std::string(record.content_type),
                      .model = std::string(record.model),
                      .prompt_tokens = record.prompt_tokens,
                      .answer_tokens = record.answer_tokens,
                      .cost = record.cost,
                      .tags = {record.tags.begin(), record.tags.end()}};
  result->age_ms = std::max<std::int64_t>(0, now_us - record.created_us) / 1'000;
  if (record.expires_us != 0) {
    result->ttl_left_ms = std::max<std::int64_t>(0, record.expires_us - now_us) / 1'000;
  }
  tracking_.policy->OnHit(entry.id);
  if (settings_.config.idle_ttl_ms > 0) {
    tracking_.idle.Touch(entry.id, clock_.SteadyMicros());
  }
}

void LookupPipeline::Count(const LookupResult& result) {
  switch (result.kind) {
    case HitKind::kExact:
      return tracking_.counters.Add<&NamespaceStats::exact_hits>();
    case HitKind::kSemantic:
      return tracking_.counters.Add<&NamespaceStats::semantic_hits>();
    case HitKind::kMiss:
      if (result.miss_reason == MissReason::kGuarded) {
        tracking_.counters.AddRefusal(GuardNamed(result.rule).value());
      }
      return tracking_.counters.Add<&NamespaceStats::misses>();
  }
}

}  // namespace nearhit
