// Flags that configure a namespace, shared by `ns create` and `import --create`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/commands.h"

namespace nearhit {

struct NamespaceFlags {
  std::string kind = "cache";
  std::string metric = "cosine";
  std::uint32_t dimension = 0;
  static constexpr std::size_t kEmbedderFlags = 7;
  std::array<std::string, kEmbedderFlags> embedder;  // the first is its kind; empty: none
  std::optional<float> threshold;
  std::optional<float> max_error;
  std::optional<std::string> guards_off;
  std::string default_ttl;
  std::string max_ttl;
  std::string idle_ttl;
  std::optional<std::uint64_t> max_entries;
  std::optional<std::uint64_t> max_bytes;
  v1::Durability durability = v1::DURABILITY_DEFAULT;

  void AddFixed(CLI::App* command);  // kind, metric
  // The rest. --durability only with `with_durability`: import has one of its own.
  void AddChangeable(CLI::App* command, bool with_durability);

  // Errors: kInvalidArgument for a duration that is none.
  Status Fill(v1::CreateNamespaceRequest* request) const;
  Status Fill(v1::UpdateNamespaceRequest* request) const;
};

}  // namespace nearhit
