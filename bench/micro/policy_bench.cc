// What a policy costs for each candidate: the guards, and the guards with the verifier.
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/policy/lessons.h"
#include "engine/policy/policy_factory.h"

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

void Judge(benchmark::State& state, float max_error) {
  PolicyInputs inputs{.traffic = std::make_shared<const Traffic>(),
                      .lessons = Lessons::Learn({}, GuardSet::All(), 0, nullptr)};
  inputs.config.threshold = 0.9F;
  inputs.config.max_error = max_error;
  const std::shared_ptr<const ServingPolicy> policy = MakePolicy(inputs);
  const std::string asked = Text(state, "winter");
  const std::string matched = Text(state, "general");
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(
        policy->Judge({.asked = asked, .matched = matched, .score = 0.95F, .min_score = {}}));
  }
}

void BM_Guards(benchmark::State& state) {
  Judge(state, 0);
}
BENCHMARK(BM_Guards)->ArgName("questions")->Arg(1)->Arg(10)->Arg(40)->Arg(1'000);

void BM_Budget(benchmark::State& state) {
  Judge(state, 0.01F);
}
BENCHMARK(BM_Budget)->ArgName("questions")->Arg(1)->Arg(10)->Arg(40)->Arg(1'000);

// What labels cost in the background: the first fit, and a look at one label more.
std::vector<JudgedPair> Labels(std::size_t count) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform;
  std::vector<JudgedPair> labels(count);
  for (JudgedPair& label : labels) {
    for (float& feature : label.features) {
      feature = uniform(random) < 0.3F ? uniform(random) : 0;  // most are 0
    }
    label.serves = uniform(random) < 0.8F;
    label.entry = {.low = random(), .high = random()};
    label.source = LabelSource::kJudge;
    label.requests = 2;
  }
  return labels;
}

void BM_Fit(benchmark::State& state) {
  const auto labels = Labels(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(Lessons::Learn(labels, GuardSet::All(), 0, nullptr));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Fit)->ArgName("labels")->Arg(1'000)->Arg(5'000)->Unit(benchmark::kMillisecond);

void BM_OneLabelMore(benchmark::State& state) {
  const auto labels = Labels(static_cast<std::size_t>(state.range(0)));
  const auto before = Lessons::Learn(labels, GuardSet::All(), 0, nullptr);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(Lessons::Learn(labels, GuardSet::All(), 0, before.get()));
  }
}
BENCHMARK(BM_OneLabelMore)->ArgName("labels")->Arg(5'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nearhit
