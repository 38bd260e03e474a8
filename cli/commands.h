// What the commands share, and how each group of them joins the program.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/client.h"

namespace nearhit {

struct CliContext {
  // Global flags.
  std::string target = "127.0.0.1:7700";
  std::optional<double> timeout_seconds;
  bool json = false;

  std::ostream* out = nullptr;
  std::ostream* err = nullptr;

  // What to do, set by the command that was parsed; returns the exit code.
  std::function<int()> run;

  Client Connect(std::chrono::milliseconds default_timeout = std::chrono::seconds(10)) const;
  // Prints the error and returns its exit code.
  int Fail(const Status& status) const;
  int FailUsage(const Status& status) const;
};

// For commands over whole files or namespaces.
inline constexpr std::chrono::seconds kBulkTimeout{60};

// Adds a required --namespace (-n, $NEARHIT_NAMESPACE).
void AddNamespaceFlag(CLI::App* command, std::string* name);
// Adds --durability default|async|sync.
void AddDurabilityFlag(CLI::App* command, v1::Durability* durability);

// `context` must outlive the parse and the run.
void AddLookupCommand(CLI::App* app, CliContext* context);   // lookup
void AddCacheCommands(CLI::App* app, CliContext* context);   // store, get, delete, invalidate
void AddVectorCommands(CLI::App* app, CliContext* context);  // search, upsert
void AddEmbedCommands(CLI::App* app, CliContext* context);   // embed, similar
void AddModelCommands(CLI::App* app, CliContext* context);   // model
void AddAdminCommands(CLI::App* app, CliContext* context);   // ns, stats, backup, ping
void AddReembedCommand(CLI::App* ns, CliContext* context);   // ns reembed
void AddPolicyCommands(CLI::App* app, CliContext* context);  // label, policy
void AddDataCommands(CLI::App* app, CliContext* context);    // import, export

}  // namespace nearhit
