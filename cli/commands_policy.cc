// label, policy: what decides in a cache, and verdicts on it.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/prompt_flags.h"
#include "formats/labelled_pairs.h"
#include "nearhit/label.h"

namespace nearhit {
namespace {

struct LabelFlags : PromptFlags {
  std::uint64_t id = 0;
  std::string matched;
  bool right = false;
  bool wrong = false;

  Status Fill(v1::LabelRequest* request) const {
    request->set_namespace_(name);
    NEARHIT_RETURN_IF_ERROR(PromptFlags::Fill(request->mutable_prompt()));
    request->set_id(id);
    request->set_matched(matched);
    request->set_serves(right);
    request->set_source(v1::LABEL_SOURCE_REVIEW);
    return {};
  }
};

void AddLabel(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<LabelFlags>();
  CLI::App* command = app->add_subcommand("label", "Say whether an entry's answer serves a prompt");
  flags->Add(command);
  CLI::Option_group* entry = command->add_option_group("Entry");
  entry->add_option("--id", flags->id, "Its id");
  entry->add_option("--matched", flags->matched, "Its prompt");
  entry->require_option(1);
  CLI::Option_group* verdict = command->add_option_group("Verdict");
  verdict->add_flag("--right", flags->right, "The answer serves: answer the prompt with it");
  verdict->add_flag("--wrong", flags->wrong, "It does not: never answer the prompt with it");
  verdict->require_option(1);
  command->callback([=] {
    context->run = [=] {
      v1::LabelRequest request;
      if (const Status status = flags->Fill(&request); !status.ok()) {
        return context->FailUsage(status);
      }
      const Client client = context->Connect();
      v1::LabelResponse response;
      if (const Status status =
              client.Call(client.cache(), &v1::Cache::Stub::Label, request, &response);
          !status.ok()) {
        return context->Fail(status);
      }
      if (context->json) {
        PrintJson(*context->out, {{"alias", response.alias()}});
      } else {
        *context->out << (flags->right ? "the prompt is answered with this entry from now on\n"
                                       : "this pair is not served any more\n");
      }
      return int{kExitOk};
    };
  });
}

std::string Percent(float share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f %%", static_cast<double>(share) * 100);
  return text;
}

Json ToJson(const v1::PolicyResponse& policy) {
  Json labels = Json::object();
  for (const auto& count : policy.labels()) {
    labels[std::string(kLabelSourceNames[static_cast<std::size_t>(count.source())])] =
        count.labels();
  }
  Json budgets = Json::array();
  for (const auto& budget : policy.budgets()) {
    budgets.push_back({{"max_error", ScoreToJson(budget.max_error())},
                       {"hits", ScoreToJson(budget.hits())},
                       {"wrong", ScoreToJson(budget.wrong())}});
  }
  Json guards = Json::object();
  for (const auto& count : policy.guards()) {
    guards[count.guard()] = {{"right", count.right()}, {"wrong", count.wrong()}};
  }
  Json json = {{"basis", kPolicyBasisNames[static_cast<std::size_t>(policy.basis())]},
               {"threshold", ScoreToJson(policy.threshold())},
               {"max_error", ScoreToJson(policy.max_error())},
               {"requests", policy.requests()},
               {"near", policy.near()},
               {"labels", std::move(labels)},
               {"aliases", policy.aliases()},
               {"refused_pairs", policy.refused_pairs()},
               {"fitted", policy.fitted()},
               {"hits", ScoreToJson(policy.hits())},
               {"wrong", ScoreToJson(policy.wrong())},
               {"judged_requests", ScoreToJson(policy.judged_requests())}};
  if (policy.has_least_odds()) {
    json["least_odds"] = ScoreToJson(policy.least_odds());
  }
  if (policy.has_wrong_low()) {
    json["wrong_low"] = ScoreToJson(policy.wrong_low());
    json["wrong_high"] = ScoreToJson(policy.wrong_high());
  }
  json["budgets"] = std::move(budgets);
  json["guards"] = std::move(guards);
  return json;
}

std::string BasisText(const v1::PolicyResponse& policy) {
  switch (policy.basis()) {
    case v1::POLICY_BASIS_CALIBRATION:
      return "the built-in calibration, and the traffic";
    case v1::POLICY_BASIS_LABELS:
      return "this namespace's labels";
    default:
      return "a threshold of " + FormatScore(policy.threshold());
  }
}

std::string LabelsText(const v1::PolicyResponse& policy) {
  std::string text;
  for (const auto& count : policy.labels()) {
    if (count.labels() > 0) {
      text += (text.empty() ? "" : ", ") + FormatCount(count.labels()) + " " +
              std::string(kLabelSourceNames[static_cast<std::size_t>(count.source())]);
    }
  }
  return text.empty() ? "none" : text;
}

void PrintPolicy(const v1::PolicyResponse& policy, std::ostream& out) {
  Fields fields = {{"decides", BasisText(policy)}};
  if (policy.max_error() > 0) {
    fields.emplace_back("budget", Percent(policy.max_error()) + " of all requests may be wrong");
  }
  const bool judged = policy.judged_requests() > 0;
  if (judged || policy.max_error() > 0) {
    fields.emplace_back("hits by meaning", Percent(policy.hits()) + " of all requests");
    fields.emplace_back("wrong", Percent(policy.wrong()) +
                                     (judged ? " (90 % interval " + Percent(policy.wrong_low()) +
                                                   " to " + Percent(policy.wrong_high()) + ")"
                                             : " expected"));
  }
  fields.emplace_back("requests", FormatCount(policy.requests()) + " seen, " +
                                      FormatCount(policy.near()) + " with something near");
  fields.emplace_back("labels", LabelsText(policy));
  fields.emplace_back(
      "judged", FormatCount(static_cast<std::uint64_t>(std::lround(policy.judged_requests()))) +
                    " requests, of random samples");
  fields.emplace_back("pairs", FormatCount(policy.aliases()) + " answered by a label, " +
                                   FormatCount(policy.refused_pairs()) + " refused");
  fields.emplace_back("verifier", policy.fitted() ? "fitted to the labels" : "built in");
  PrintFields(out, fields);
  if (!policy.budgets().empty()) {
    std::vector<std::vector<std::string>> rows = {{"max_error", "hits", "wrong"}};
    for (const auto& budget : policy.budgets()) {
      rows.push_back(
          {Percent(budget.max_error()), Percent(budget.hits()), Percent(budget.wrong())});
    }
    out << '\n';
    PrintTable(out, rows);
  }
  if (!policy.guards().empty()) {
    std::vector<std::vector<std::string>> rows = {{"guard", "refused, right", "refused, wrong"}};
    for (const auto& count : policy.guards()) {
      rows.push_back({count.guard(), FormatCount(count.right()), FormatCount(count.wrong())});
    }
    out << '\n';
    PrintTable(out, rows);
  }
}

void AddShow(CLI::App* policy, CliContext* context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command =
      policy->add_subcommand("show", "What decides, how much of it is wrong, and other budgets");
  AddNamespaceFlag(command, name.get());
  command->callback([=] {
    context->run = [=] {
      const Client client = context->Connect();
      v1::PolicyRequest request;
      request.set_namespace_(*name);
      v1::PolicyResponse response;
      if (const Status status =
              client.Call(client.cache(), &v1::Cache::Stub::Policy, request, &response);
          !status.ok()) {
        return context->Fail(status);
      }
      if (context->json) {
        PrintJson(*context->out, ToJson(response));
      } else {
        PrintPolicy(response, *context->out);
      }
      return int{kExitOk};
    };
  });
}

struct CalibrateFlags {
  std::string name;
  std::string scope;
  std::string path;
  std::uint64_t requests = 0;
};

int Calibrate(const CliContext& context, const CalibrateFlags& flags) {
  const Result<std::vector<LabelledPair>> pairs = ReadPairs(flags.path);
  if (!pairs.ok()) {
    return context.FailUsage(pairs.status());
  }
  if (flags.requests != 0 && flags.requests < pairs->size()) {
    return context.FailUsage(InvalidArgument("--requests is " + std::to_string(flags.requests) +
                                             ", the file has " + std::to_string(pairs->size()) +
                                             " pairs, each of one request"));
  }
  const Client client = context.Connect(kBulkTimeout);
  std::uint64_t given = 0;
  std::uint64_t same = 0;
  for (const LabelledPair& pair : *pairs) {
    if (pair.asked == pair.cached) {
      ++same;  // an exact hit, on which nothing is decided
      continue;
    }
    v1::LabelRequest request;
    request.set_namespace_(flags.name);
    request.mutable_prompt()->set_scope(flags.scope);
    request.mutable_prompt()->set_slot(pair.asked);
    request.set_matched(pair.cached);
    request.set_serves(pair.same);
    request.set_source(v1::LABEL_SOURCE_REVIEW);
    if (flags.requests != 0) {
      request.set_sampled(true);
      request.set_requests(static_cast<float>(flags.requests) / static_cast<float>(pairs->size()));
    }
    v1::LabelResponse response;
    if (const Status status =
            client.Call(client.cache(), &v1::Cache::Stub::Label, request, &response);
        !status.ok()) {
      *context.err << "nearhit: after " << given << " labels\n";
      return context.Fail(status);
    }
    ++given;
  }
  if (context.json) {
    PrintJson(*context.out, {{"labels", given}, {"same_text", same}});
  } else {
    *context.out << FormatCount(given) << " labels given\n";
  }
  return kExitOk;
}

void AddCalibrate(CLI::App* policy, CliContext* context) {
  auto flags = std::make_shared<CalibrateFlags>();
  CLI::App* command =
      policy->add_subcommand("calibrate", "Give the labels of a file, to fit and prove the budget");
  AddNamespaceFlag(command, &flags->name);
  command->add_option("file", flags->path, "TSV with columns label (1, 0), cached and asked")
      ->required();
  command->add_option("--scope", flags->scope, "Scope of all pairs");
  command->add_option("--requests", flags->requests,
                      "Requests that the pairs were drawn from at random, with those that had "
                      "nothing near; without it they fit the verifier and prove no budget");
  command->callback([=] { context->run = [=] { return Calibrate(*context, *flags); }; });
}

}  // namespace

void AddPolicyCommands(CLI::App* app, CliContext* context) {
  AddLabel(app, context);
  CLI::App* policy = app->add_subcommand("policy", "What decides in a cache");
  policy->require_subcommand(1);
  AddShow(policy, context);
  AddCalibrate(policy, context);
}

}  // namespace nearhit
