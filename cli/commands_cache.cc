// store, get, delete, invalidate.
#include <memory>
#include <utility>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/prompt_flags.h"

namespace nearhit {
namespace {

struct StoreFlags : PromptFlags {
  std::string answer;
  std::string ttl;
  std::vector<std::string> tags;
  std::string model;
  std::string content_type;
  v1::Durability durability = v1::DURABILITY_DEFAULT;

  Status Fill(v1::StoreRequest* request) const {
    if (prompt == "-" && answer == "-") {
      return InvalidArgument("only one of prompt and answer can be standard input");
    }
    request->set_namespace_(name);
    v1::StoreItem& item = *request->mutable_item();
    NEARHIT_RETURN_IF_ERROR(PromptFlags::Fill(item.mutable_prompt()));
    item.set_answer(TextOrStdin(answer));
    item.mutable_metadata()->set_model(model);
    item.mutable_metadata()->set_content_type(content_type);
    item.mutable_metadata()->mutable_tags()->Add(tags.begin(), tags.end());
    if (!ttl.empty()) {
      NEARHIT_ASSIGN_OR_RETURN(const std::int64_t ttl_ms, ParseDurationMs(ttl));
      item.set_ttl_ms(ttl_ms);
    }
    item.set_durability(durability);
    return {};
  }
};

void AddStore(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<StoreFlags>();
  CLI::App* command = app->add_subcommand("store", "Store the answer to a prompt");
  flags->Add(command);
  command->add_option("answer", flags->answer, "Answer, or - for standard input")->required();
  command->add_option("--ttl", flags->ttl, "Lifetime: 30s, 12h, 7d; 0 for none");
  command->add_option("--tag", flags->tags, "Tag (repeatable)")->allow_extra_args(false);
  command->add_option("--model", flags->model, "Model that made the answer");
  command->add_option("--content-type", flags->content_type, "Content type of the answer");
  AddDurabilityFlag(command, &flags->durability);
  command->callback([=] {
    context->run = [=] {
      v1::StoreRequest request;
      if (const Status status = flags->Fill(&request); !status.ok()) {
        return context->FailUsage(status);
      }
      const Client client = context->Connect();
      v1::StoreResponse response;
      if (const Status status =
              client.Call(client.cache(), &v1::Cache::Stub::Store, request, &response);
          !status.ok()) {
        return context->Fail(status);
      }
      const v1::StoreResult& result = response.result();
      if (context->json) {
        PrintJson(*context->out, {{"id", result.id()},
                                  {"replaced", result.replaced()},
                                  {"has_vector", result.has_vector()},
                                  {"evicted", result.evicted()}});
      } else {
        *context->out << (result.replaced() ? "replaced, id " : "stored, id ") << result.id()
                      << (result.has_vector() ? "" : " (exact matches only: no vector)") << '\n';
      }
      return int{kExitOk};
    };
  });
}

struct EntryFlags {
  std::string name;
  std::optional<std::uint64_t> id;
  std::string key;
  bool with_vector = false;
  v1::Durability durability = v1::DURABILITY_DEFAULT;

  CLI::App* Add(CLI::App* command) {
    AddNamespaceFlag(command, &name);
    CLI::Option* by_id = command->add_option("id", id, "Entry id");
    CLI::Option* by_key = command->add_option("--key", key, "Key, in a namespace of vectors");
    by_key->excludes(by_id);
    return command;
  }

  void Check() const {
    if (!id && key.empty()) {
      throw CLI::RequiredError("an id or --key");
    }
  }
};

// An id may be that of a cache entry or of a vector: the cache is asked first.
Result<Json> GetEntry(const Client& client, const EntryFlags& flags) {
  if (flags.id) {
    v1::GetRequest request;
    request.set_namespace_(flags.name);
    request.set_id(*flags.id);
    v1::GetResponse response;
    const Status status = client.Call(client.cache(), &v1::Cache::Stub::Get, request, &response);
    if (status.ok()) {
      return EntryToJson(response.entry(), flags.with_vector);
    }
    if (status.code() != StatusCode::kFailedPrecondition) {
      return status;
    }
  }
  v1::GetVectorRequest request;
  request.set_namespace_(flags.name);
  if (flags.id) {
    request.set_id(*flags.id);
  } else {
    request.set_key(flags.key);
  }
  v1::GetVectorResponse response;
  NEARHIT_RETURN_IF_ERROR(
      client.Call(client.vectors(), &v1::Vectors::Stub::Get, request, &response));
  return VectorEntryToJson(response.entry(), flags.with_vector);
}

void AddGet(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<EntryFlags>();
  CLI::App* command = flags->Add(app->add_subcommand("get", "Print one entry, by id or key"));
  command->add_flag("--vectors", flags->with_vector, "Print the vector as well");
  command->callback([=] {
    flags->Check();
    context->run = [=] {
      const Result<Json> entry = GetEntry(context->Connect(), *flags);
      if (!entry.ok()) {
        return context->Fail(entry.status());
      }
      if (context->json) {
        PrintJson(*context->out, *entry);
        return int{kExitOk};
      }
      Fields fields;
      for (const auto& [name, value] : entry->items()) {
        fields.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
      }
      PrintFields(*context->out, fields);
      return int{kExitOk};
    };
  });
}

Result<bool> DeleteEntry(const Client& client, const EntryFlags& flags) {
  if (flags.id) {
    v1::DeleteRequest request;
    request.set_namespace_(flags.name);
    request.set_id(*flags.id);
    request.set_durability(flags.durability);
    v1::DeleteResponse response;
    NEARHIT_RETURN_IF_ERROR(
        client.Call(client.cache(), &v1::Cache::Stub::Delete, request, &response));
    return response.deleted();
  }
  v1::DeleteVectorsRequest request;
  request.set_namespace_(flags.name);
  request.add_keys(flags.key);
  request.set_durability(flags.durability);
  v1::DeleteVectorsResponse response;
  NEARHIT_RETURN_IF_ERROR(
      client.Call(client.vectors(), &v1::Vectors::Stub::Delete, request, &response));
  return response.deleted() > 0;
}

void AddDelete(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<EntryFlags>();
  CLI::App* command = flags->Add(
      app->add_subcommand("delete", "Delete one entry: by id in a cache, by key among vectors"));
  AddDurabilityFlag(command, &flags->durability);
  command->callback([=] {
    flags->Check();
    context->run = [=] {
      const Result<bool> deleted = DeleteEntry(context->Connect(), *flags);
      if (!deleted.ok()) {
        return context->Fail(deleted.status());
      }
      if (context->json) {
        PrintJson(*context->out, {{"deleted", *deleted}});
      } else {
        *context->out << (*deleted ? "deleted" : "not found") << '\n';
      }
      return *deleted ? int{kExitOk} : int{kExitNotFound};
    };
  });
}

struct InvalidateFlags {
  std::string name;
  std::optional<std::string> scope;
  std::optional<std::string> model;
  std::vector<std::string> tags;
  std::string older_than;
  bool all = false;
  bool dry_run = false;

  Status Fill(v1::InvalidateRequest* request) const {
    if (!scope && !model && tags.empty() && older_than.empty() && !all) {
      return InvalidArgument("invalidate needs --tag, --scope, --model, --older-than or --all");
    }
    request->set_namespace_(name);
    if (scope) {
      request->set_scope(*scope);
    }
    if (model) {
      request->set_model(*model);
    }
    request->mutable_tags()->Add(tags.begin(), tags.end());
    if (!older_than.empty()) {
      NEARHIT_ASSIGN_OR_RETURN(const std::int64_t age_ms, ParseDurationMs(older_than));
      request->set_older_than_ms(age_ms);
    }
    request->set_all(all);
    request->set_dry_run(dry_run);
    return {};
  }
};

void AddInvalidate(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<InvalidateFlags>();
  CLI::App* command =
      app->add_subcommand("invalidate", "Delete the entries that match every condition given");
  AddNamespaceFlag(command, &flags->name);
  command->add_option("--tag", flags->tags, "Has this tag (repeatable: all of them)")
      ->allow_extra_args(false);
  command->add_option("--scope", flags->scope, "Has this scope");
  command->add_option("--model", flags->model, "Was made by this model");
  command->add_option("--older-than", flags->older_than, "Was stored longer ago than 30s, 12h, 7d");
  command->add_flag("--all", flags->all, "The whole namespace");
  command->add_flag("--dry-run", flags->dry_run, "Count, delete nothing");
  command->callback([=] {
    context->run = [=] {
      v1::InvalidateRequest request;
      if (const Status status = flags->Fill(&request); !status.ok()) {
        return context->FailUsage(status);
      }
      const Client client = context->Connect();
      v1::InvalidateResponse response;
      if (const Status status =
              client.Call(client.cache(), &v1::Cache::Stub::Invalidate, request, &response);
          !status.ok()) {
        return context->Fail(status);
      }
      if (context->json) {
        PrintJson(*context->out,
                  {{"matched", response.matched()}, {"deleted", response.deleted()}});
      } else {
        *context->out << FormatCount(response.matched()) << " matched, "
                      << FormatCount(response.deleted()) << " deleted\n";
      }
      return int{kExitOk};
    };
  });
}

}  // namespace

void AddCacheCommands(CLI::App* app, CliContext* context) {
  AddStore(app, context);
  AddGet(app, context);
  AddDelete(app, context);
  AddInvalidate(app, context);
}

}  // namespace nearhit
