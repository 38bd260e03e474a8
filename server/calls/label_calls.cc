#include "server/calls/label_calls.h"

#include <cstddef>
#include <string>

#include "nearhit/label.h"
#include "server/calls/convert.h"

namespace nearhit::server {

static_assert(kLabelSourceNames.size() == v1::LabelSource_MAX + 1);
static_assert(kPolicyBasisNames.size() == v1::PolicyBasis_MAX + 1);

Status DoLabel(ServiceCore* core, const v1::LabelRequest& request, const CallContext& call,
               v1::LabelResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, core->db().Cache(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const DecodedPrompt decoded, DecodePrompt(request.prompt()));
  if (!v1::LabelSource_IsValid(request.source())) {
    return InvalidArgument("source " + std::to_string(request.source()) + " is unknown");
  }
  NEARHIT_ASSIGN_OR_RETURN(const LabelResult result,
                           cache->Label({.prompt = decoded.prompt,
                                         .id = EntryId{request.id()},
                                         .matched = request.matched(),
                                         .serves = request.serves(),
                                         .source = static_cast<LabelSource>(request.source()),
                                         .principal = request.principal(),
                                         .sampled = request.sampled(),
                                         .requests = request.requests(),
                                         .deadline = call.deadline}));
  response->set_alias(result.alias);
  return Status();
}

Status DoPolicy(ServiceCore* core, const v1::PolicyRequest& request, const CallContext&,
                v1::PolicyResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, core->db().Cache(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const PolicyReport report, cache->Policy());
  response->set_basis(static_cast<v1::PolicyBasis>(report.basis));
  response->set_threshold(report.threshold);
  response->set_max_error(report.max_error);
  if (report.least_odds) {
    response->set_least_odds(*report.least_odds);
  }
  response->set_requests(report.requests);
  response->set_near(report.near);
  for (std::size_t i = 0; i < report.labels.size(); ++i) {
    v1::PolicyResponse::LabelCount* const count = response->add_labels();
    count->set_source(static_cast<v1::LabelSource>(i));
    count->set_labels(report.labels[i]);
  }
  response->set_aliases(report.aliases);
  response->set_refused_pairs(report.refused_pairs);
  response->set_fitted(report.fitted);
  response->set_hits(report.hits);
  response->set_wrong(report.wrong);
  response->set_judged_requests(report.judged_requests);
  if (report.wrong_low && report.wrong_high) {
    response->set_wrong_low(*report.wrong_low);
    response->set_wrong_high(*report.wrong_high);
  }
  for (const BudgetEstimate& estimate : report.budgets) {
    v1::PolicyResponse::Budget* const budget = response->add_budgets();
    budget->set_max_error(estimate.max_error);
    budget->set_hits(estimate.hits);
    budget->set_wrong(estimate.wrong);
  }
  for (std::size_t i = 0; i < kGuardNames.size(); ++i) {
    if (report.guard_right[i] + report.guard_wrong[i] > 0) {
      v1::PolicyResponse::GuardCount* const count = response->add_guards();
      count->set_guard(std::string(kGuardNames[i]));
      count->set_right(report.guard_right[i]);
      count->set_wrong(report.guard_wrong[i]);
    }
  }
  return Status();
}

Lane LaneOfLabel(ServiceCore* core, const v1::LabelRequest& request) {
  return core->LaneOf(request.namespace_(),
                      request.prompt().vector().empty() || !request.matched().empty());
}

}  // namespace nearhit::server
