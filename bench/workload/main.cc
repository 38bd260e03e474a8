// nearhit-bench: what an index, a cache or a daemon does on your data. bench/README.md.
#include <cstdio>
#include <exception>

#include "bench/workload/commands.h"
#include "nearhit/version.h"

namespace {

int Run(int argc, char** argv) {
  CLI::App app("nearhit-bench: recall against speed, hits against wrong hits; JSON lines");
  app.set_version_flag("--version", "nearhit-bench " NEARHIT_VERSION);
  app.require_subcommand(1);
  nearhit::bench::Command command;
  nearhit::bench::AddAnn(&app, &command);
  nearhit::bench::AddFilter(&app, &command);
  nearhit::bench::AddNear(&app, &command);
  nearhit::bench::AddReplay(&app, &command);
  nearhit::bench::AddLoad(&app, &command);
  nearhit::bench::AddMixed(&app, &command);
  nearhit::bench::AddGen(&app, &command);
  nearhit::bench::AddFeatures(&app, &command);
  nearhit::bench::AddBudget(&app, &command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const nearhit::Status status = command.run();
  if (!status.ok()) {
    std::fprintf(stderr, "nearhit-bench: %s\n", status.ToString().c_str());
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nearhit-bench: %s\n", error.what());
    return 1;
  }
}
