#include "cli/run_cli.h"

#include "cli/commands.h"
#include "nearhit/version.h"

namespace nearhit {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 ok or hit; 1 miss or not found; 2 usage; 3 the server refuses the request;\n"
    "            4 server unavailable or deadline passed; 5 anything else.";

}  // namespace

Client CliContext::Connect(std::chrono::milliseconds default_timeout) const {
  const auto timeout =
      timeout_seconds ? std::chrono::milliseconds(static_cast<std::int64_t>(*timeout_seconds * 1e3))
                      : default_timeout;
  return {target, timeout};
}

int CliContext::Fail(const Status& status) const {
  *err << "nearhit: " << status.ToString() << '\n';
  return ExitCodeOf(status.code());
}

int CliContext::FailUsage(const Status& status) const {
  *err << "nearhit: " << status.message() << '\n';
  return kExitUsage;
}

void AddNamespaceFlag(CLI::App* command, std::string* name) {
  command->add_option("-n,--namespace", *name, "Namespace")
      ->required()
      ->envname("NEARHIT_NAMESPACE");
}

void AddDurabilityFlag(CLI::App* command, v1::Durability* durability) {
  command
      ->add_option_function<std::string>(
          "--durability",
          [durability](const std::string& text) {
            *durability = text == "sync"    ? v1::DURABILITY_SYNC
                          : text == "async" ? v1::DURABILITY_ASYNC
                                            : v1::DURABILITY_DEFAULT;
          },
          "When the write is acknowledged: default, async or sync")
      ->check(CLI::IsMember({"default", "async", "sync"}));
}

int RunCli(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  CliContext context;
  context.out = &out;
  context.err = &err;
  CLI::App app("nearhit: semantic cache and vector store, from the command line");
  app.footer(kFooter);
  app.set_version_flag("--version", NEARHIT_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--target", context.target, "Server: host:port or unix:/path")
      ->envname("NEARHIT_TARGET")
      ->capture_default_str();
  app.add_option("--timeout", context.timeout_seconds,
                 "Seconds for one call (10; import, export, embed, lookup --lines: 60)")
      ->check(CLI::Range(0.001, 86'400.0));
  app.add_flag("--json", context.json, "Print JSON, one object to a line");
  AddLookupCommand(&app, &context);
  AddPolicyCommands(&app, &context);
  AddCacheCommands(&app, &context);
  AddVectorCommands(&app, &context);
  AddEmbedCommands(&app, &context);
  AddModelCommands(&app, &context);
  AddAdminCommands(&app, &context);
  AddDataCommands(&app, &context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? kExitOk : kExitUsage;
  }
  const int code = context.run();
  out.flush();
  if (!out) {
    err << "nearhit: cannot write the answer\n";
    return kExitOther;
  }
  return code;
}

}  // namespace nearhit
