#include "server/calls/convert.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace nearhit::server {
namespace {

constexpr std::size_t kMaxStatusMessageBytes = 1024;

static_assert(std::endian::native == std::endian::little, "vectors are little-endian on the wire");

template <auto kOurs>
constexpr int kValue = static_cast<int>(kOurs);
static_assert(kValue<Durability::kSync> == v1::DURABILITY_SYNC);
static_assert(kValue<Durability::kSync> == v1::Durability_MAX);
static_assert(kValue<Durability::kAsync> == v1::DURABILITY_ASYNC);
static_assert(kValue<Metric::kCosine> == v1::METRIC_COSINE);
static_assert(kValue<Metric::kInnerProduct> == v1::METRIC_INNER_PRODUCT);
static_assert(kValue<Metric::kL2> == v1::METRIC_L2);
static_assert(kValue<Metric::kL2> == v1::Metric_MAX);
static_assert(kValue<NamespaceKind::kCache> == v1::NAMESPACE_KIND_CACHE);
static_assert(kValue<NamespaceKind::kVectors> == v1::NamespaceKind_MAX);
static_assert(kValue<HitKind::kExact> == v1::HIT_KIND_EXACT);
static_assert(kValue<HitKind::kSemantic> == v1::HitKind_MAX);
static_assert(kMissReasonNames.size() == v1::MissReason_MAX + 1);

Status UnknownEnum(std::string_view field, int value) {
  return InvalidArgument(std::string(field) + " has the unknown value " + std::to_string(value));
}

// Puts the place of an item in front of what is wrong with it.
Status AtItem(std::string_view list, std::size_t index, const Status& status) {
  return Status(status.code(), std::string(list) + "[" + std::to_string(index) +
                                   "]: " + std::string(status.message()));
}

template <typename Strings>
std::vector<std::string> CopyStrings(const Strings& strings) {
  return std::vector<std::string>(strings.begin(), strings.end());
}

void MoveTags(std::vector<std::string>* tags,
              google::protobuf::RepeatedPtrField<std::string>* out) {
  out->Reserve(static_cast<int>(tags->size()));
  for (std::string& tag : *tags) {
    *out->Add() = std::move(tag);
  }
}

EntryMetadata DecodeMetadata(const v1::EntryMetadata& metadata) {
  EntryMetadata out;
  out.content_type = metadata.content_type();
  out.model = metadata.model();
  out.prompt_tokens = metadata.prompt_tokens();
  out.answer_tokens = metadata.answer_tokens();
  out.cost = metadata.cost();
  out.tags = CopyStrings(metadata.tags());
  return out;
}

void MetadataToProto(EntryMetadata&& metadata, v1::EntryMetadata* out) {
  out->set_content_type(std::move(metadata.content_type));
  out->set_model(std::move(metadata.model));
  out->set_prompt_tokens(metadata.prompt_tokens);
  out->set_answer_tokens(metadata.answer_tokens);
  out->set_cost(metadata.cost);
  MoveTags(&metadata.tags, out->mutable_tags());
}

}  // namespace

StatusCode WireCode(StatusCode code) {
  return code == StatusCode::kWouldBlock ? StatusCode::kUnavailable : code;
}

std::string WireMessage(const Status& status) {
  return std::string(status.message().substr(0, kMaxStatusMessageBytes));
}

void ToProto(const Status& status, v1::ItemError* out) {
  NEARHIT_CHECK(!status.ok());
  out->set_code(static_cast<int>(WireCode(status.code())));
  out->set_message(WireMessage(status));
}

Result<std::vector<float>> DecodeVector(std::string_view field, std::string_view bytes) {
  if (bytes.size() % sizeof(float) != 0) {
    return InvalidArgument(std::string(field) + " has " + std::to_string(bytes.size()) +
                           " bytes, which is not a multiple of 4");
  }
  std::vector<float> out(bytes.size() / sizeof(float));
  if (!bytes.empty()) {
    std::memcpy(out.data(), bytes.data(), bytes.size());
  }
  return out;
}

std::string EncodeVector(VectorView vector) {
  std::string out(vector.size_bytes(), '\0');
  if (!vector.empty()) {
    std::memcpy(out.data(), vector.data(), vector.size_bytes());
  }
  return out;
}

Result<Durability> DecodeDurability(int value) {
  if (!v1::Durability_IsValid(value)) {
    return UnknownEnum("durability", value);
  }
  return static_cast<Durability>(value);
}

Result<DecodedPrompt> DecodePrompt(const v1::Prompt& prompt) {
  DecodedPrompt out;
  NEARHIT_ASSIGN_OR_RETURN(out.vector, DecodeVector("prompt.vector", prompt.vector()));
  out.prompt.scope = prompt.scope();
  out.prompt.slot = prompt.slot();
  out.prompt.vector = out.vector;
  return out;
}

LookupOptions DecodeLookupOptions(const v1::LookupOptions& options, TimePoint deadline) {
  LookupOptions out;
  if (options.has_min_score()) {
    out.min_score = options.min_score();
  }
  out.exact_only = options.exact_only();
  out.non_blocking = options.non_blocking();
  out.explain = options.explain();
  out.deadline = deadline;
  return out;
}

Result<DecodedStores> DecodeStores(std::span<const v1::StoreItem* const> items,
                                   TimePoint deadline) {
  DecodedStores out;
  out.requests.reserve(items.size());
  out.vectors.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const v1::StoreItem& item = *items[i];
    auto prompt = DecodePrompt(item.prompt());
    if (!prompt.ok()) {
      return AtItem("items", i, prompt.status());
    }
    auto durability = DecodeDurability(item.durability());
    if (!durability.ok()) {
      return AtItem("items", i, durability.status());
    }
    StoreRequest& request = out.requests.emplace_back();
    request.prompt = prompt->prompt;
    out.vectors.push_back(std::move(prompt->vector));  // keeps its buffer, so the view stays good
    request.answer = item.answer();
    request.metadata = DecodeMetadata(item.metadata());
    if (item.has_ttl_ms()) {
      request.ttl_ms = item.ttl_ms();
    }
    request.durability = *durability;
    request.deadline = deadline;
  }
  return out;
}

InvalidateRequest DecodeInvalidate(const v1::InvalidateRequest& request) {
  InvalidateRequest out;
  if (request.has_scope()) {
    out.scope = request.scope();
  }
  out.tags = CopyStrings(request.tags());
  if (request.has_model()) {
    out.model = request.model();
  }
  if (request.has_older_than_ms()) {
    out.older_than_ms = request.older_than_ms();
  }
  out.all = request.all();
  out.dry_run = request.dry_run();
  return out;
}

Result<DecodedUpserts> DecodeUpserts(const v1::UpsertRequest& request) {
  DecodedUpserts out;
  const auto count = static_cast<std::size_t>(request.items_size());
  out.requests.reserve(count);
  out.vectors.reserve(count);
  for (const v1::VectorItem& item : request.items()) {
    auto vector = DecodeVector("vector", item.vector());
    if (!vector.ok()) {
      return AtItem("items", out.requests.size(), vector.status());
    }
    UpsertRequest& upsert = out.requests.emplace_back();
    upsert.key = item.key();
    upsert.vector = out.vectors.emplace_back(*std::move(vector));
    upsert.payload = item.payload();
    upsert.tags = CopyStrings(item.tags());
    if (item.has_ttl_ms()) {
      upsert.ttl_ms = item.ttl_ms();
    }
  }
  return out;
}

VectorSearchOptions DecodeSearchOptions(const v1::SearchOptions& options) {
  VectorSearchOptions out;
  if (options.k() != 0) {
    out.k = options.k();
  }
  if (options.has_min_score()) {
    out.min_score = options.min_score();
  }
  out.filter.all_of = CopyStrings(options.filter().all_of());
  out.filter.any_of = CopyStrings(options.filter().any_of());
  out.filter.none_of = CopyStrings(options.filter().none_of());
  out.ef = options.ef();
  out.with_payload = options.with_payload();
  return out;
}

void ToProto(const LookupTrace& trace, v1::LookupTrace* out) {
  out->set_scope_found(trace.scope_found);
  out->set_embedded(trace.embedded);
  if (trace.searches > 0) {
    ToProto(trace.search, out->mutable_search());
  }
  out->set_searches(trace.searches);
  out->set_exact_us(trace.exact_us);
  out->set_embed_us(trace.embed_us);
  out->set_candidates_us(trace.candidates_us);
  for (const LookupTrace::Candidate& candidate : trace.candidates) {
    v1::LookupTrace::Candidate* const to = out->add_candidates();
    to->set_id(candidate.id.value);
    to->set_score(candidate.score);
    to->set_served(candidate.served);
    to->set_reason(static_cast<v1::MissReason>(candidate.reason));
    to->set_rule(candidate.rule);
  }
}

void ToProto(LookupResult&& result, v1::LookupResult* out) {
  if (result.trace != nullptr) {
    ToProto(*result.trace, out->mutable_trace());
  }
  out->set_kind(static_cast<v1::HitKind>(result.kind));
  out->set_miss_reason(static_cast<v1::MissReason>(result.miss_reason));
  if (result.score) {
    out->set_score(*result.score);
  }
  out->set_rule(result.rule);
  out->set_candidate(result.candidate.value);
  if (result.kind == HitKind::kMiss) {
    return;
  }
  out->set_id(result.id.value);
  out->set_answer(std::move(result.answer));
  MetadataToProto(std::move(result.metadata), out->mutable_metadata());
  out->set_matched_slot(std::move(result.matched_slot));
  out->set_age_ms(result.age_ms);
  if (result.ttl_left_ms) {
    out->set_ttl_left_ms(*result.ttl_left_ms);
  }
}

void ToProto(const StoreResult& result, v1::StoreResult* out) {
  out->set_id(result.id.value);
  out->set_replaced(result.replaced);
  out->set_has_vector(result.has_vector);
  out->set_evicted(result.evicted);
}

void ToProto(Entry&& entry, v1::Entry* out) {
  out->set_id(entry.id.value);
  out->set_scope(std::move(entry.scope));
  out->set_slot(std::move(entry.slot));
  out->set_answer(std::move(entry.answer));
  MetadataToProto(std::move(entry.metadata), out->mutable_metadata());
  out->set_vector(EncodeVector(entry.vector));
  out->set_created_us(entry.created_us);
  if (entry.expires_us) {
    out->set_expires_us(*entry.expires_us);
  }
}

void ToProto(const SearchExplanation& explanation, v1::SearchExplanation* out) {
  out->set_plan(static_cast<v1::SearchPlan>(explanation.plan));
  out->set_entries(explanation.entries);
  if (explanation.matching) {
    out->set_matching(*explanation.matching);
  }
  out->set_screened(explanation.screened);
  out->set_compared(explanation.compared);
  out->set_rescored(explanation.rescored);
}

void ToProto(VectorHit&& hit, v1::VectorHit* out) {
  out->set_id(hit.id.value);
  out->set_score(hit.score);
  out->set_key(std::move(hit.key));
  out->set_payload(std::move(hit.payload));
  MoveTags(&hit.tags, out->mutable_tags());
}

void ToProto(VectorEntry&& entry, v1::VectorEntry* out) {
  out->set_id(entry.id.value);
  out->set_key(std::move(entry.key));
  out->set_vector(EncodeVector(entry.vector));
  out->set_payload(std::move(entry.payload));
  MoveTags(&entry.tags, out->mutable_tags());
  out->set_created_us(entry.created_us);
  if (entry.expires_us) {
    out->set_expires_us(*entry.expires_us);
  }
}

}  // namespace nearhit::server
