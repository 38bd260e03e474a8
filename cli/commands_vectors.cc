// search, upsert.
#include <memory>

#include "cli/commands.h"
#include "cli/explanation.h"
#include "cli/output.h"
#include "cli/parse.h"

namespace nearhit {
namespace {

struct SearchFlags {
  std::string name;
  std::string vector;
  std::uint32_t k = 10;
  std::uint32_t ef = 0;
  std::optional<float> min_score;
  std::vector<std::string> all_of;
  std::vector<std::string> any_of;
  std::vector<std::string> none_of;
  bool payload = false;
  bool explain = false;

  Status Fill(v1::SearchRequest* request) const {
    request->set_namespace_(name);
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> query, ParseVector(vector));
    request->set_query(EncodeVector(query));
    v1::SearchOptions& options = *request->mutable_options();
    options.set_k(k);
    options.set_ef(ef);
    if (min_score) {
      options.set_min_score(*min_score);
    }
    options.mutable_filter()->mutable_all_of()->Add(all_of.begin(), all_of.end());
    options.mutable_filter()->mutable_any_of()->Add(any_of.begin(), any_of.end());
    options.mutable_filter()->mutable_none_of()->Add(none_of.begin(), none_of.end());
    options.set_with_payload(payload);
    options.set_explain(explain);
    return {};
  }
};

void PrintHits(const CliContext& context, const v1::SearchResponse& response, bool payload) {
  if (context.json) {
    for (const v1::VectorHit& hit : response.hits()) {
      PrintJson(*context.out, HitToJson(hit, payload));
    }
    return;
  }
  std::vector<std::vector<std::string>> rows{{"SCORE", "ID", "KEY"}};
  if (payload) {
    rows[0].emplace_back("PAYLOAD");
  }
  for (const v1::VectorHit& hit : response.hits()) {
    rows.push_back({FormatScore(hit.score()), std::to_string(hit.id()), hit.key()});
    if (payload) {
      rows.back().push_back(hit.payload());
    }
  }
  PrintTable(*context.out, rows);
}

void PrintExplanation(const CliContext& context, const v1::SearchExplanation& explanation) {
  if (context.json) {
    PrintJson(*context.out, ExplanationToJson(explanation));
    return;
  }
  Rows rows{{"PLAN", PlanName(explanation.plan())}};
  AddRows(explanation, &rows);
  PrintTable(*context.out, rows);
}

void AddSearch(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<SearchFlags>();
  CLI::App* command = app->add_subcommand("search", "Find the nearest vectors");
  AddNamespaceFlag(command, &flags->name);
  command->add_option("--vector", flags->vector, "Query: numbers, or @FILE (first row)")
      ->required();
  command->add_option("-k", flags->k, "How many")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--ef", flags->ef, "Candidates a graph search keeps; 0: chosen from k");
  command->add_option("--min-score", flags->min_score, "Leave out what scores below");
  command->add_option("--tag", flags->all_of, "Only with this tag (repeatable: all)")
      ->allow_extra_args(false);
  command->add_option("--any-tag", flags->any_of, "Only with one of these")
      ->allow_extra_args(false);
  command->add_option("--no-tag", flags->none_of, "Only without this tag")->allow_extra_args(false);
  command->add_flag("--payload", flags->payload, "Print payloads and tags as well");
  command->add_flag("--explain", flags->explain, "Print what the search compared as well");
  command->callback([=] {
    context->run = [=] {
      v1::SearchRequest request;
      if (const Status status = flags->Fill(&request); !status.ok()) {
        return context->FailUsage(status);
      }
      const Client client = context->Connect();
      v1::SearchResponse response;
      if (const Status status =
              client.Call(client.vectors(), &v1::Vectors::Stub::Search, request, &response);
          !status.ok()) {
        return context->Fail(status);
      }
      PrintHits(*context, response, flags->payload);
      if (flags->explain) {
        PrintExplanation(*context, response.explanation());
      }
      return int{kExitOk};
    };
  });
}

struct UpsertFlags {
  std::string name;
  std::string key;
  std::string vector;
  std::string payload;
  std::string ttl;
  std::vector<std::string> tags;
  v1::Durability durability = v1::DURABILITY_DEFAULT;

  Status Fill(v1::UpsertRequest* request) const {
    request->set_namespace_(name);
    request->set_durability(durability);
    v1::VectorItem& item = *request->add_items();
    item.set_key(key);
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> components, ParseVector(vector));
    item.set_vector(EncodeVector(components));
    item.set_payload(payload);
    item.mutable_tags()->Add(tags.begin(), tags.end());
    if (!ttl.empty()) {
      NEARHIT_ASSIGN_OR_RETURN(const std::int64_t ttl_ms, ParseDurationMs(ttl));
      item.set_ttl_ms(ttl_ms);
    }
    return {};
  }
};

void AddUpsert(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<UpsertFlags>();
  CLI::App* command = app->add_subcommand("upsert", "Store one vector under a key");
  AddNamespaceFlag(command, &flags->name);
  command->add_option("key", flags->key, "Key; an entry of the same key is replaced")->required();
  command->add_option("--vector", flags->vector, "Numbers, or @FILE (first row)")->required();
  command->add_option("--payload", flags->payload, "Bytes kept with the vector");
  command->add_option("--ttl", flags->ttl, "Lifetime: 30s, 12h, 7d; 0 for none");
  command->add_option("--tag", flags->tags, "Tag (repeatable)")->allow_extra_args(false);
  AddDurabilityFlag(command, &flags->durability);
  command->callback([=] {
    context->run = [=] {
      v1::UpsertRequest request;
      if (const Status status = flags->Fill(&request); !status.ok()) {
        return context->FailUsage(status);
      }
      const Client client = context->Connect();
      v1::UpsertResponse response;
      if (const Status status =
              client.Call(client.vectors(), &v1::Vectors::Stub::Upsert, request, &response);
          !status.ok()) {
        return context->Fail(status);
      }
      if (context->json) {
        PrintJson(*context->out, {{"ids", response.ids()}});
      } else {
        *context->out << "stored, id " << (response.ids().empty() ? 0 : response.ids(0)) << '\n';
      }
      return int{kExitOk};
    };
  });
}

}  // namespace

void AddVectorCommands(CLI::App* app, CliContext* context) {
  AddSearch(app, context);
  AddUpsert(app, context);
}

}  // namespace nearhit
