// nearhit-bench features: what the verifier sees of labelled pairs, to fit its weights on.
#include <iostream>
#include <memory>
#include <utility>

#include "bench/workload/commands.h"
#include "bench/workload/replay_data.h"
#include "bench/workload/scratch.h"
#include "engine/policy/guards.h"
#include "engine/policy/pair_features.h"

namespace nearhit::bench {

namespace {

struct FeaturesFlags {
  std::string pairs;
  EmbedderSpec embedder{.kind = "local"};
};

// The cosine of a pair: the score of one text looked up where only the other is stored. Nothing
// when the embedder cannot read one of them.
Result<std::optional<float>> CosineOf(SemanticCache& cache, const std::string& scope,
                                      const LabelledPair& pair) {
  StoreRequest request;
  request.prompt = {.scope = scope, .slot = pair.cached, .vector = {}};
  request.answer = "-";
  NEARHIT_RETURN_IF_ERROR(cache.Store(request).status());
  NEARHIT_ASSIGN_OR_RETURN(const LookupResult found,
                           cache.Lookup({.scope = scope, .slot = pair.asked, .vector = {}}, {}));
  return found.kind == HitKind::kMiss ? std::nullopt : found.score;
}

void PrintPair(const LabelledPair& pair, float cosine) {
  const PromptFacts cached(pair.cached);
  const PromptFacts asked(pair.asked);
  const std::optional<Guard> guard = FindConflict(asked, cached, GuardSet::All());
  std::cout << (pair.same ? 1 : 0) << '\t' << (guard ? GuardName(*guard) : "-");
  for (const float value : FeaturesOf(asked, cached, cosine)) {
    std::cout << '\t' << value;
  }
  std::cout << '\n';
}

Status RunFeatures(const FeaturesFlags& flags) {
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<LabelledPair> pairs, ReadPairs(flags.pairs));
  NEARHIT_ASSIGN_OR_RETURN(const auto scratch, ScratchDatabase::Open(/*on_disk=*/false));
  NamespaceConfig config;
  config.embedder = flags.embedder;
  config.threshold = -1;
  config.guards_off = GuardSet::All();
  NEARHIT_RETURN_IF_ERROR(scratch->db().CreateNamespace("features", config));
  NEARHIT_ASSIGN_OR_RETURN(const std::shared_ptr<SemanticCache> cache,
                           scratch->db().Cache("features"));
  std::cout << "label\tguard";
  for (const std::string_view name : kPairFeatureNames) {
    std::cout << '\t' << name;
  }
  std::cout << '\n';
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    NEARHIT_ASSIGN_OR_RETURN(const std::optional<float> cosine,
                             CosineOf(*cache, std::to_string(i), pairs[i]));
    if (cosine) {
      PrintPair(pairs[i], *cosine);
    }
  }
  return {};
}

}  // namespace

void AddFeatures(CLI::App* app, Command* command) {
  auto flags = std::make_shared<FeaturesFlags>();
  CLI::App* features =
      app->add_subcommand("features", "What the verifier sees of labelled pairs, as a TSV");
  features->add_option("--pairs", flags->pairs, "TSV of labelled pairs, gzip or plain")->required();
  features->add_option("--model", flags->embedder.model, "Folder of the local model")->required();
  features->callback([=] { command->run = [=] { return RunFeatures(*flags); }; });
}

}  // namespace nearhit::bench
