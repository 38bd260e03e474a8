// Stores an answer and looks it up, with what an installation gives and nothing else.
#include <cstdio>

#include "nearhit/database.h"
#include "nearhit/version.h"

int main() {
  auto db = nearhit::Database::Open({.in_memory = true});
  if (!db.ok()) {
    std::fprintf(stderr, "%s\n", db.status().ToString().c_str());
    return 1;
  }
  nearhit::NamespaceConfig config;
  config.embedder.kind = "lexical";
  if (const nearhit::Status made = (*db)->CreateNamespace("support", config); !made.ok()) {
    std::fprintf(stderr, "%s\n", made.ToString().c_str());
    return 1;
  }
  const auto cache = (*db)->Cache("support");
  if (!cache.ok()) {
    return 1;
  }
  const auto stored =
      (*cache)->Store({.prompt = {.scope = "model=m1", .slot = "How do I reset my password?"},
                       .answer = "Settings, then Security."});
  if (!stored.ok()) {
    return 1;
  }
  const auto found =
      (*cache)->Lookup({.scope = "model=m1", .slot = "how do I reset my password"}, {});
  if (!found.ok() || found->kind != nearhit::HitKind::kSemantic) {
    return 1;
  }
  std::printf("nearhit %s: %s\n", NEARHIT_VERSION, found->answer.c_str());
  return 0;
}
