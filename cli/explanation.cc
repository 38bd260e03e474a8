#include "cli/explanation.h"

namespace nearhit {

std::string PlanName(v1::SearchPlan plan) {
  switch (plan) {
    case v1::SEARCH_PLAN_SCAN:
      return "scan";
    case v1::SEARCH_PLAN_COMPARE_MATCHING:
      return "compare matching";
    case v1::SEARCH_PLAN_WALK:
      return "walk";
    case v1::SEARCH_PLAN_FILTERED_WALK:
      return "filtered walk";
    case v1::SEARCH_PLAN_WALK_THEN_COMPARE:
      return "walk, then compare";
    default:
      return "unknown";
  }
}

Json ExplanationToJson(const v1::SearchExplanation& explanation) {
  Json line = {{"plan", PlanName(explanation.plan())}, {"entries", explanation.entries()}};
  if (explanation.has_matching()) {
    line["matching"] = explanation.matching();
  }
  line["screened"] = explanation.screened();
  line["compared"] = explanation.compared();
  line["rescored"] = explanation.rescored();
  return line;
}

void AddRows(const v1::SearchExplanation& explanation, Rows* rows) {
  rows->push_back({"entries", std::to_string(explanation.entries())});
  if (explanation.has_matching()) {
    rows->push_back({"matching", std::to_string(explanation.matching())});
  }
  rows->push_back({"screened", std::to_string(explanation.screened())});
  rows->push_back({"compared", std::to_string(explanation.compared())});
  rows->push_back({"rescored", std::to_string(explanation.rescored())});
}

namespace {

std::string VerdictOf(const v1::LookupTrace::Candidate& candidate) {
  return candidate.served() ? "served" : std::string(MissReasonText(candidate.reason()));
}

}  // namespace

Json TraceToJson(const v1::LookupTrace& trace) {
  Json out = {{"scope_found", trace.scope_found()},     {"embedded", trace.embedded()},
              {"exact_us", trace.exact_us()},           {"embed_us", trace.embed_us()},
              {"candidates_us", trace.candidates_us()}, {"searches", trace.searches()}};
  if (trace.has_search()) {
    out["search"] = ExplanationToJson(trace.search());
  }
  out["candidates"] = Json::array();
  for (const v1::LookupTrace::Candidate& candidate : trace.candidates()) {
    out["candidates"].push_back({{"id", candidate.id()},
                                 {"score", ScoreToJson(candidate.score())},
                                 {"verdict", VerdictOf(candidate)},
                                 {"rule", candidate.rule()}});
  }
  return out;
}

void PrintTrace(std::ostream& out, const v1::LookupTrace& trace) {
  Rows rows{{"STEP", "us", "what was found"}};
  rows.push_back({"exact text", std::to_string(trace.exact_us()),
                  trace.scope_found() ? "the scope has entries" : "the scope is empty"});
  if (trace.embedded()) {
    rows.push_back({"embedder", std::to_string(trace.embed_us()), ""});
  }
  if (trace.has_search()) {
    const v1::SearchExplanation& search = trace.search();
    rows.push_back({"candidates", std::to_string(trace.candidates_us()),
                    PlanName(search.plan()) + ": " + std::to_string(search.entries()) +
                        " entries, " + std::to_string(search.screened()) + " screened, " +
                        std::to_string(search.compared()) + " compared, " +
                        std::to_string(search.rescored()) + " rescored"});
  }
  PrintTable(out, rows);
  if (trace.candidates().empty()) {
    return;
  }
  out << '\n';
  Rows candidates{{"CANDIDATE", "SCORE", "VERDICT", "RULE"}};
  for (const v1::LookupTrace::Candidate& candidate : trace.candidates()) {
    candidates.push_back({std::to_string(candidate.id()), FormatScore(candidate.score()),
                          VerdictOf(candidate), candidate.rule()});
  }
  PrintTable(out, candidates);
}

}  // namespace nearhit
