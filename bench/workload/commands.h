// The subcommands of nearhit-bench. Each adds its flags and, when it is the one asked for, puts
// what it does into `run`.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "nearhit/status.h"

namespace nearhit::bench {

struct Command {
  std::function<Status()> run;  // prints JSON lines on standard output
};

void AddAnn(CLI::App* app, Command* command);
void AddFilter(CLI::App* app, Command* command);
void AddNear(CLI::App* app, Command* command);
void AddReplay(CLI::App* app, Command* command);
void AddLoad(CLI::App* app, Command* command);
void AddMixed(CLI::App* app, Command* command);
void AddGen(CLI::App* app, Command* command);
void AddFeatures(CLI::App* app, Command* command);
void AddBudget(CLI::App* app, Command* command);

}  // namespace nearhit::bench
