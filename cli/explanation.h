// How an answer was found, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "cli/output.h"
#include "nearhit/v1/cache.pb.h"

namespace nearhit {

using Rows = std::vector<std::vector<std::string>>;

std::string PlanName(v1::SearchPlan plan);

Json ExplanationToJson(const v1::SearchExplanation& explanation);
// All but the plan.
void AddRows(const v1::SearchExplanation& explanation, Rows* rows);

Json TraceToJson(const v1::LookupTrace& trace);
void PrintTrace(std::ostream& out, const v1::LookupTrace& trace);

}  // namespace nearhit
