#include "cli/prompt_flags.h"

#include <iostream>
#include <iterator>
#include <vector>

#include "cli/commands.h"
#include "cli/parse.h"

namespace nearhit {

std::string TextOrStdin(const std::string& text) {
  return text == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : text;
}

void PromptFlags::Add(CLI::App* command) {
  AddNamespaceFlag(command, &name);
  command->add_option("prompt", prompt, "Prompt text, or - for standard input")->required();
  command->add_option("--scope", scope, "What must match exactly (model, system prompt, ...)");
  command->add_option("--vector", vector, "Vector of the prompt: numbers, or @FILE (first row)");
}

Status PromptFlags::Fill(v1::Prompt* out) const {
  out->set_slot(TextOrStdin(prompt));
  out->set_scope(scope);
  if (!vector.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> components, ParseVector(vector));
    out->set_vector(EncodeVector(components));
  }
  return {};
}

}  // namespace nearhit
