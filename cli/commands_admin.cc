// ns create|list|describe|update|drop, stats, backup, ping. (ns reembed: commands_reembed.cc.)
#include <chrono>
#include <memory>

#include "cli/commands.h"
#include "cli/namespace_flags.h"
#include "cli/output.h"

namespace nearhit {
namespace {

// Prints "{}" or the word that says it was done.
int Done(const CliContext& context, const Status& status, const char* word) {
  if (!status.ok()) {
    return context.Fail(status);
  }
  if (context.json) {
    PrintJson(*context.out, {{"ok", true}});
  } else {
    *context.out << word << '\n';
  }
  return kExitOk;
}

void AddCreate(CLI::App* ns, CliContext* context) {
  auto name = std::make_shared<std::string>();
  auto flags = std::make_shared<NamespaceFlags>();
  CLI::App* command = ns->add_subcommand("create", "Create a namespace");
  command->add_option("name", *name, "1 to 64 of [a-z0-9_-.]")->required();
  flags->AddFixed(command);
  flags->AddChangeable(command, true);
  command->callback([=] {
    context->run = [=] {
      v1::CreateNamespaceRequest request;
      request.set_name(*name);
      if (const Status status = flags->Fill(&request); !status.ok()) {
        return context->FailUsage(status);
      }
      const Client client = context->Connect();
      v1::CreateNamespaceResponse response;
      return Done(
          *context,
          client.Call(client.admin(), &v1::Admin::Stub::CreateNamespace, request, &response),
          "created");
    };
  });
}

void AddUpdate(CLI::App* ns, CliContext* context) {
  struct Flags : NamespaceFlags {
    std::string name;
    bool reembed = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* command = ns->add_subcommand("update", "Change what is given of a namespace");
  command->add_option("name", flags->name, "Namespace")->required();
  flags->AddChangeable(command, true);
  command->add_flag("--reembed", flags->reembed, "Make every vector again, in the background");
  command->callback([=] {
    context->run = [=] {
      v1::UpdateNamespaceRequest request;
      request.set_name(flags->name);
      request.set_reembed(flags->reembed);
      if (const Status status = flags->Fill(&request); !status.ok()) {
        return context->FailUsage(status);
      }
      const Client client = context->Connect();
      v1::UpdateNamespaceResponse response;
      return Done(
          *context,
          client.Call(client.admin(), &v1::Admin::Stub::UpdateNamespace, request, &response),
          "updated");
    };
  });
}

void AddDrop(CLI::App* ns, CliContext* context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = ns->add_subcommand("drop", "Delete a namespace and all it holds");
  command->add_option("name", *name, "Namespace")->required();
  command->callback([=] {
    context->run = [=] {
      v1::DropNamespaceRequest request;
      request.set_name(*name);
      const Client client = context->Connect();
      v1::DropNamespaceResponse response;
      return Done(*context,
                  client.Call(client.admin(), &v1::Admin::Stub::DropNamespace, request, &response),
                  "dropped");
    };
  });
}

// "lexical/v1/384", or "lexical/v1/384 -> http/m/1536" while it changes.
std::string EmbedderText(const v1::NamespaceInfo& info) {
  return info.embedder_identity() +
         (info.has_reembedding() ? " -> " + info.reembedding().identity() : "");
}

void AddList(CLI::App* ns, CliContext* context) {
  CLI::App* command = ns->add_subcommand("list", "All namespaces");
  command->callback([=] {
    context->run = [=] {
      const Client client = context->Connect();
      v1::ListNamespacesResponse response;
      if (const Status status = client.Call(client.admin(), &v1::Admin::Stub::ListNamespaces,
                                            v1::ListNamespacesRequest(), &response);
          !status.ok()) {
        return context->Fail(status);
      }
      std::vector<std::vector<std::string>> rows{
          {"NAME", "KIND", "DIMENSION", "METRIC", "EMBEDDER", "ENTRIES", "BYTES"}};
      for (const v1::NamespaceInfo& info : response.namespaces()) {
        if (context->json) {
          PrintJson(*context->out, NamespaceToJson(info));
          continue;
        }
        rows.push_back({info.name(), std::string(KindName(info.config().kind())),
                        std::to_string(info.config().dimension()),
                        std::string(MetricText(info.config().metric())), EmbedderText(info),
                        FormatCount(info.stats().entries()), FormatBytes(info.stats().bytes())});
      }
      if (!context->json) {
        PrintTable(*context->out, rows);
      }
      return int{kExitOk};
    };
  });
}

// Nested objects are written as "stats.entries".
void Flatten(const Json& json, const std::string& prefix, Fields* fields) {
  for (const auto& [name, value] : json.items()) {
    if (value.is_object()) {
      Flatten(value, prefix + name + ".", fields);
    } else if (value.is_number_unsigned()) {
      fields->emplace_back(prefix + name, FormatCount(value.get<std::uint64_t>()));
    } else {
      fields->emplace_back(prefix + name,
                           value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
}

void PrintObject(const CliContext& context, const Json& json) {
  if (context.json) {
    PrintJson(*context.out, json);
    return;
  }
  Fields fields;
  Flatten(json, "", &fields);
  PrintFields(*context.out, fields);
}

void AddDescribe(CLI::App* ns, CliContext* context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = ns->add_subcommand("describe", "Configuration and figures of a namespace");
  command->add_option("name", *name, "Namespace")->required();
  command->callback([=] {
    context->run = [=] {
      v1::DescribeNamespaceRequest request;
      request.set_name(*name);
      const Client client = context->Connect();
      v1::DescribeNamespaceResponse response;
      if (const Status status =
              client.Call(client.admin(), &v1::Admin::Stub::DescribeNamespace, request, &response);
          !status.ok()) {
        return context->Fail(status);
      }
      PrintObject(*context, NamespaceToJson(response.info()));
      return int{kExitOk};
    };
  });
}

void AddStats(CLI::App* app, CliContext* context) {
  CLI::App* command = app->add_subcommand("stats", "Metrics of the whole server");
  command->callback([=] {
    context->run = [=] {
      const Client client = context->Connect();
      v1::StatsResponse response;
      if (const Status status =
              client.Call(client.admin(), &v1::Admin::Stub::Stats, v1::StatsRequest(), &response);
          !status.ok()) {
        return context->Fail(status);
      }
      PrintObject(*context, StatsToJson(response));
      return int{kExitOk};
    };
  });
}

void AddBackup(CLI::App* app, CliContext* context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command =
      app->add_subcommand("backup", "Copy the database, on the server, while it serves");
  command->add_option("name", *name, "New directory in the server's storage.backup_dir")
      ->required();
  command->callback([=] {
    context->run = [=] {
      v1::BackupRequest request;
      request.set_name(*name);
      const Client client = context->Connect(kBulkTimeout);
      v1::BackupResponse response;
      if (const Status status =
              client.Call(client.admin(), &v1::Admin::Stub::Backup, request, &response);
          !status.ok()) {
        return context->Fail(status);
      }
      if (context->json) {
        PrintJson(*context->out, {{"directory", response.directory()},
                                  {"files", response.files()},
                                  {"bytes", response.bytes()},
                                  {"seconds", response.seconds()}});
      } else {
        *context->out << response.directory() << ' ' << FormatBytes(response.bytes()) << '\n';
      }
      return int{kExitOk};
    };
  });
}

void AddPing(CLI::App* app, CliContext* context) {
  CLI::App* command =
      app->add_subcommand("ping", "Is the server there, and how long does a call take");
  command->callback([=] {
    context->run = [=] {
      const Client client = context->Connect();
      std::int64_t micros = 0;
      for (int i = 0; i < 2; ++i) {  // the first call connects
        const auto start = std::chrono::steady_clock::now();
        v1::PingResponse response;
        if (const Status status =
                client.Call(client.admin(), &v1::Admin::Stub::Ping, v1::PingRequest(), &response);
            !status.ok()) {
          return context->Fail(status);
        }
        micros = std::chrono::duration_cast<std::chrono::microseconds>(
                     std::chrono::steady_clock::now() - start)
                     .count();
      }
      if (context->json) {
        PrintJson(*context->out, {{"target", context->target}, {"round_trip_us", micros}});
      } else {
        *context->out << "ok " << context->target << ' ' << micros << " us\n";
      }
      return int{kExitOk};
    };
  });
}

}  // namespace

void AddAdminCommands(CLI::App* app, CliContext* context) {
  CLI::App* ns = app->add_subcommand("ns", "Namespaces");
  ns->require_subcommand(1);
  AddCreate(ns, context);
  AddList(ns, context);
  AddDescribe(ns, context);
  AddUpdate(ns, context);
  AddReembedCommand(ns, context);
  AddDrop(ns, context);
  AddStats(app, context);
  AddBackup(app, context);
  AddPing(app, context);
}

}  // namespace nearhit
