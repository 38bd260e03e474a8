// Flags that make up one prompt, shared by `lookup` and `store`.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "nearhit/status.h"
#include "nearhit/v1/cache.pb.h"

namespace nearhit {

// "-" stands for the whole standard input.
std::string TextOrStdin(const std::string& text);

struct PromptFlags {
  std::string name;  // of the namespace
  std::string prompt;
  std::string scope;
  std::string vector;

  void Add(CLI::App* command);
  // Errors: kInvalidArgument for a vector that is none.
  Status Fill(v1::Prompt* out) const;
};

}  // namespace nearhit
