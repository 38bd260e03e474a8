// What a policy costs for each candidate: the guards, and the guards with the verifier.
#include <string>

#include <benchmark/benchmark.h>

#include "engine/policy/budget_policy.h"
#include "engine/policy/guarded_policy.h"

namespace nearhit {
namespace {

// A question of 14 words so many times.
std::string Text(const benchmark::State& state, const char* thing) {
  std::string text;
  for (int i = 0; i < state.range(0); ++i) {
    text += "What is the best way to open an account at a bank in " + std::string(thing) + "? ";
  }
  return text;
}

void Judge(benchmark::State& state, const ServingPolicy& policy) {
  const std::string asked = Text(state, "winter");
  const std::string matched = Text(state, "general");
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(
        policy.Judge({.asked = asked, .matched = matched, .score = 0.95F, .min_score = {}}));
  }
}

void BM_Guards(benchmark::State& state) {
  Judge(state, GuardedPolicy(0.9F, GuardSet::All()));
}
BENCHMARK(BM_Guards)->ArgName("questions")->Arg(1)->Arg(10)->Arg(40)->Arg(1'000);

void BM_Budget(benchmark::State& state) {
  Judge(state, BudgetPolicy(0.01F, GuardSet::All()));
}
BENCHMARK(BM_Budget)->ArgName("questions")->Arg(1)->Arg(10)->Arg(40)->Arg(1'000);

}  // namespace
}  // namespace nearhit
