#include "server/gateway/own_api.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/gateway/headers.h"

namespace nearhit::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds kMostWait{5};  // for an embedder

struct Answer {
  int status = 200;
  Json body;
};

Answer Error(int status, std::string_view code, std::string_view message) {
  return {.status = status, .body = {{"error", {{"code", code}, {"message", message}}}}};
}

Answer ErrorOf(const Status& status) {
  const bool unknown = status.code() == StatusCode::kNotFound;
  return Error(unknown ? 404 : 503, StatusCodeName(status.code()), status.message());
}

void Send(const Answer& answer, HttpResponder* responder) {
  responder->Send(answer.status, {{.name = "content-type", .value = "application/json"}},
                  answer.body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Answer RefusedForPrompt() {
  return {
      .body = {{"verdict", "wrong"}, {"effect", "the stored answer does not serve this prompt"}}};
}

// Stores, under the very prompt, that its answer was wrong. It replaces what was stored for it, and
// paraphrases find it instead of the entry that they share with it.
Answer Veto(ServiceCore* core, const RecentRequest& request) {
  auto cache = core->db().Cache(request.name_space);
  if (!cache.ok()) {
    return ErrorOf(cache.status());
  }
  StoreRequest veto;
  veto.prompt = {.scope = request.scope, .slot = request.slot};
  veto.answer = "wrong";
  veto.metadata.content_type = kVetoType;
  veto.metadata.model = request.model;
  veto.durability = Durability::kSync;
  const auto stored = (*cache)->Store(veto);
  if (!stored.ok()) {
    return ErrorOf(stored.status());
  }
  return RefusedForPrompt();
}

// Or may be, for all that a lookup can tell now.
bool IsServed(SemanticCache* cache, const RecentRequest& request) {
  const auto now = cache->Lookup(
      {.scope = request.scope, .slot = request.slot},
      {.min_score = request.min_score, .deadline = std::chrono::steady_clock::now() + kMostWait});
  return !now.ok() || now->miss_reason == MissReason::kEmbedFailed ||
         (now->kind == HitKind::kSemantic && now->id == request.entry);
}

// Of a request that was answered by meaning: says whether that entry serves its prompt.
Answer Label(GatewayShared* shared, const RecentRequest& request, bool serves) {
  auto cache = shared->core->db().Cache(request.name_space);
  if (!cache.ok()) {
    return ErrorOf(cache.status());
  }
  LabelRequest label;
  label.prompt = {.scope = request.scope, .slot = request.slot};
  label.id = request.entry;
  label.serves = serves;
  label.principal = request.principal;
  label.deadline = std::chrono::steady_clock::now() + kMostWait;
  const auto labelled = (*cache)->Label(label);
  if (labelled.status().code() == StatusCode::kResourceExhausted) {
    return Error(429, StatusCodeName(labelled.status().code()), labelled.status().message());
  }
  if (labelled.status().code() == StatusCode::kNotFound && !serves) {
    return Veto(shared->core, request);  // the entry's prompt may have been stored anew
  }
  if (!labelled.ok()) {
    return ErrorOf(labelled.status());
  }
  shared->metrics.CountLabel(serves, LabelSource::kFeedback);
  if (serves) {
    return {.body = {{"verdict", "right"}}};
  }
  // A label of somebody who is trusted more may say that it serves.
  return IsServed(cache->get(), request) ? Veto(shared->core, request) : RefusedForPrompt();
}

// An entry of another caller is as one that is not there.
Answer DeleteEntry(const GatewayShared& shared, const std::string& name_space,
                   const std::string& caller, EntryId id) {
  auto cache = shared.core->db().Cache(name_space);
  if (!cache.ok()) {
    return ErrorOf(cache.status());
  }
  const auto entry = (*cache)->Get(id);
  if (!entry.ok()) {
    return ErrorOf(entry.status());
  }
  const std::vector<std::string>& tags = entry->metadata.tags;
  if (!caller.empty() && std::find(tags.begin(), tags.end(), caller) == tags.end()) {
    return Error(404, StatusCodeName(StatusCode::kNotFound), "no such entry");
  }
  const auto deleted = (*cache)->Delete(id, Durability::kSync);
  if (!deleted.ok()) {
    return ErrorOf(deleted.status());
  }
  return {.body = {{"verdict", "wrong"}, {"effect", "the entry is deleted"}}};
}

Answer GiveFeedback(GatewayShared* shared, const HttpServerRequest& request) {
  const Json feedback = Json::parse(request.body, nullptr, false);
  if (!feedback.is_object()) {
    return Error(400, "INVALID_ARGUMENT", "the body is not a JSON object");
  }
  const auto text = [&feedback](const char* name) {
    return feedback.contains(name) && feedback[name].is_string() ? feedback[name].get<std::string>()
                                                                 : std::string();
  };
  const std::string verdict = text("verdict");
  if (verdict != "wrong" && verdict != "right") {
    return Error(400, "INVALID_ARGUMENT", "verdict is not \"wrong\" or \"right\"");
  }
  if (const std::string id = text("request_id"); !id.empty()) {
    const std::optional<RecentRequest> recent = shared->recent.Find(id);
    if (!recent || recent->principal != shared->PrincipalOf(request)) {
      return Error(404, "NOT_FOUND", "request_id is not one of the last requests of this caller");
    }
    if (recent->served == Served::kSemantic) {
      return Label(shared, *recent, verdict == "right");
    }
    return verdict == "wrong" ? Veto(shared->core, *recent)
                              : Answer{.body = {{"verdict", verdict}}};
  }
  if (!feedback.contains("entry_id") || !feedback["entry_id"].is_number_unsigned()) {
    return Error(400, "INVALID_ARGUMENT", "request_id or entry_id is needed");
  }
  const EntryId id{feedback["entry_id"].get<std::uint64_t>()};
  if (verdict == "right") {
    return {.body = {{"verdict", verdict}}};
  }
  const std::string caller = shared->CallerTagOf(request);
  Answer answer = DeleteEntry(*shared, shared->options.name_space, caller, id);
  return answer.status == 404 ? DeleteEntry(*shared, shared->options.exact_namespace, caller, id)
                              : answer;
}

Json ToJson(const LookupTrace& trace) {
  Json candidates = Json::array();
  for (const LookupTrace::Candidate& candidate : trace.candidates) {
    candidates.push_back({{"entry_id", candidate.id.value},
                          {"similarity", candidate.score},
                          {"served", candidate.served},
                          {"reason", MissReasonName(candidate.reason)},
                          {"rule", candidate.rule}});
  }
  return {{"scope_found", trace.scope_found},     {"embedded", trace.embedded},
          {"entries", trace.search.entries},      {"compared", trace.search.compared},
          {"exact_us", trace.exact_us},           {"embed_us", trace.embed_us},
          {"candidates_us", trace.candidates_us}, {"candidates", std::move(candidates)}};
}

Answer Explain(const GatewayShared& shared, std::string_view query) {
  constexpr std::string_view kName = "request_id=";
  const std::size_t at = query.find(kName);
  const std::string_view id =
      at == std::string_view::npos ? std::string_view() : query.substr(at + kName.size());
  const std::optional<RecentRequest> request = shared.recent.Find(id.substr(0, id.find('&')));
  if (!request) {
    return Error(404, "NOT_FOUND", "request_id is not one of the last requests");
  }
  auto cache = shared.core->db().Cache(request->name_space);
  if (!cache.ok()) {
    return ErrorOf(cache.status());
  }
  LookupOptions options;
  options.explain = true;
  options.exact_only = request->exact_only;
  options.min_score = request->min_score;
  const auto now = (*cache)->Lookup({.scope = request->scope, .slot = request->slot}, options);
  if (!now.ok()) {
    return ErrorOf(now.status());
  }
  Json body = {{"endpoint", EndpointName(request->endpoint)},
               {"status", ServedName(request->served)},
               {"reason", request->reason},
               {"namespace", request->name_space},
               {"scope", request->scope},
               {"now",
                {{"kind", HitKindName(now->kind)},
                 {"reason", MissReasonName(now->miss_reason)},
                 {"rule", now->rule}}}};
  if (now->score) {
    body["now"]["similarity"] = *now->score;
  }
  if (now->kind != HitKind::kMiss) {
    body["now"]["entry_id"] = now->id.value;
    body["now"]["matched"] = now->matched_slot;
    body["now"]["age_ms"] = now->age_ms;
  }
  if (now->trace != nullptr) {
    body["now"]["trace"] = ToJson(*now->trace);
  }
  return {.body = std::move(body)};
}

Json ToJson(const ShadowDecision& decision) {
  const auto time =
      std::chrono::duration_cast<std::chrono::milliseconds>(decision.time.time_since_epoch());
  Json json = {{"time_ms", time.count()},
               {"request_id", decision.request_id},
               {"namespace", decision.name_space},
               {"kind", HitKindName(decision.kind)},
               {"similarity", decision.similarity},
               {"entry_id", decision.entry_id.value},
               {"asked", decision.asked},
               {"matched", decision.matched},
               {"stored_answer", decision.stored_text},
               {"provider_answer", decision.provider_text},
               {"agreement", AgreementName(decision.agreement)}};
  if (decision.answer_similarity) {
    json["answer_similarity"] = *decision.answer_similarity;
  }
  if (decision.label) {
    json["label"] = {
        {"serves", decision.label->serves},
        {"source", kLabelSourceNames[static_cast<std::size_t>(decision.label->source)]}};
  }
  return json;
}

Answer ListShadows(const GatewayShared& shared, const std::string& caller) {
  Json decisions = Json::array();
  for (const ShadowDecision& decision : shared.shadows->List(caller, ShadowLog::kMost)) {
    decisions.push_back(ToJson(decision));
  }
  return {.body = {{"decisions", std::move(decisions)}}};
}

Answer Make(GatewayShared* shared, const HttpServerRequest& request) {
  const bool is_feedback = request.path() == kFeedbackPath;
  if (request.method != (is_feedback ? "POST" : "GET")) {
    return Error(405, "UNIMPLEMENTED", is_feedback ? "use POST" : "use GET");
  }
  // A page of another site cannot send this type unasked.
  const std::string* const type = request.Header("content-type");
  if (is_feedback && (type == nullptr || !type->starts_with("application/json"))) {
    return Error(415, "INVALID_ARGUMENT", "content-type is not application/json");
  }
  if (request.path() == kShadowPath) {
    return ListShadows(*shared, shared->CallerTagOf(request));
  }
  return is_feedback ? GiveFeedback(shared, request) : Explain(*shared, request.query());
}

}  // namespace

void AnswerOwnApi(const std::shared_ptr<GatewayShared>& shared, HttpServerRequest request,
                  std::shared_ptr<HttpResponder> responder) {
  const auto kept = std::make_shared<const HttpServerRequest>(std::move(request));
  const Status queued = shared->core->Submit(
      Lane::kEmbedding, {.request_bytes = kept->body.size()}, [shared, kept, responder] {
        const auto answer = std::make_shared<const Answer>(Make(shared.get(), *kept));
        responder->loop()->Post([responder, answer] { Send(*answer, responder.get()); });
      });
  if (!queued.ok()) {
    Send(ErrorOf(queued), responder.get());
  }
}

}  // namespace nearhit::server
