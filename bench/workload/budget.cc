// nearhit-bench budget: whether labels keep an error budget, by drawing them many times from pairs
// that were judged, and asking the pairs that were not drawn from.
#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench/workload/commands.h"
#include "bench/workload/flags.h"
#include "bench/workload/report.h"
#include "engine/policy/budget_policy.h"
#include "engine/policy/lessons.h"
#include "formats/csv.h"
#include "formats/line_reader.h"

namespace nearhit::bench {

namespace {

struct BudgetFlags {
  std::vector<std::string> features;
  std::vector<float> max_errors = {0.01F};
  std::vector<std::size_t> requests = {200, 500, 1'000, 5'000};
  double judge_error = 0;
  std::size_t draws = 1'000;
  unsigned seed = 1;
};

// Bands of the cosine, and the share of all requests whose nearest neighbour is in each: those of
// the pairs that scripts/train-verifier describes.
struct Band {
  float from = 0;
  double share = 0;
};
constexpr std::array<Band, 5> kBands = {
    {{0.70F, .187}, {0.80F, .143}, {0.88F, .088}, {0.93F, .064}, {0.97F, .040}}};

std::size_t BandOf(const JudgedPair& pair) {
  std::size_t band = 0;
  while (band + 1 < kBands.size() && pair.features[0] >= kBands[band + 1].from) {
    ++band;
  }
  return band;
}

// By band.
using Population = std::array<std::vector<JudgedPair>, kBands.size()>;

Status ReadFeatures(const std::string& path, std::vector<JudgedPair>* pairs) {
  NEARHIT_ASSIGN_OR_RETURN(const auto lines, LineReader::Open(path, std::size_t{1} << 20));
  CsvReader reader(lines.get(), {.delimiter = '\t', .quotes = false});
  std::vector<std::string> fields;
  NEARHIT_RETURN_IF_ERROR(reader.Next(&fields).status());  // the names
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(const bool more, reader.Next(&fields));
    if (!more) {
      return {};
    }
    JudgedPair pair;
    if (fields.size() != pair.features.size() + 2) {
      return InvalidArgument(path + ": not what `nearhit-bench features` of this build writes");
    }
    pair.serves = fields[0] == "1";
    if (const auto guard = GuardNamed(fields[1])) {
      pair.conflicts.Add(*guard);
    }
    for (std::size_t i = 0; i < pair.features.size(); ++i) {
      const std::string& text = fields[i + 2];
      std::from_chars(text.data(), text.data() + text.size(), pair.features[i]);
    }
    pair.entry.high = pairs->size();  // the folds go by it, so a pair is in one only
    pair.source = LabelSource::kReview;
    pairs->push_back(pair);
  }
}

// Labels of so many requests, drawn with replacement.
std::vector<JudgedPair> DrawLabels(const Population& population, std::size_t requests,
                                   double judge_error, std::mt19937* random) {
  std::uniform_real_distribution<double> uniform;
  std::vector<JudgedPair> labels;
  for (std::size_t i = 0; i < requests; ++i) {
    double left = uniform(*random);
    std::size_t band = 0;
    while (band < kBands.size() && left >= kBands[band].share) {
      left -= kBands[band++].share;
    }
    if (band == kBands.size()) {
      continue;  // nothing is near
    }
    const std::vector<JudgedPair>& pairs = population[band];
    labels.push_back(pairs[(*random)() % pairs.size()]);
    labels.back().entry.low = i;  // another entry: it stands for a pair like this one
    if (judge_error > 0) {
      labels.back().source = LabelSource::kJudge;
      labels.back().serves = labels.back().serves || uniform(*random) < judge_error;
    }
  }
  for (JudgedPair& label : labels) {
    label.requests = static_cast<float>(requests) / static_cast<float>(labels.size());
  }
  return labels;
}

struct Served {
  double hits = 0;  // shares of all requests
  double wrong = 0;
};

Served Ask(const Lessons& lessons, float least, const Population& population) {
  Served served;
  for (std::size_t band = 0; band < kBands.size(); ++band) {
    const double weight = kBands[band].share / static_cast<double>(population[band].size());
    for (const JudgedPair& pair : population[band]) {
      if (pair.conflicts == GuardSet() && pair.features[0] >= BudgetPolicy::kLeastCosine &&
          lessons.model().Score(pair.features) >= least) {
        served.hits += weight;
        served.wrong += pair.serves ? 0 : weight;
      }
    }
  }
  return served;
}

void Simulate(const BudgetFlags& flags, const std::vector<JudgedPair>& pairs, float max_error,
              std::size_t requests) {
  std::mt19937 random(flags.seed);
  double hits = 0;
  double wrong = 0;
  std::size_t over = 0;
  std::size_t far_over = 0;
  for (std::size_t draw = 0; draw < flags.draws; ++draw) {
    std::array<Population, 2> halves;  // one to draw from, one to ask
    for (const JudgedPair& pair : pairs) {
      halves[random() % 2][BandOf(pair)].push_back(pair);
    }
    const auto lessons = Lessons::Learn(DrawLabels(halves[0], requests, flags.judge_error, &random),
                                        GuardSet::All(), 0, nullptr);
    const std::optional<float> least = lessons->LeastScore(max_error, 0);
    const Served served = least ? Ask(*lessons, *least, halves[1]) : Served();
    hits += served.hits;
    wrong += served.wrong;
    over += served.wrong > static_cast<double>(max_error) ? 1 : 0;
    far_over += served.wrong > 1.25 * static_cast<double>(max_error) ? 1 : 0;
  }
  const auto draws = static_cast<double>(flags.draws);
  Print({{"max_error", Rounded(static_cast<double>(max_error))},
         {"requests", requests},
         {"judge_error", flags.judge_error},
         {"draws", flags.draws},
         {"hit_rate", Rounded(hits / draws)},
         {"error_rate", Rounded(wrong / draws)},
         {"over_budget", Rounded(static_cast<double>(over) / draws)},
         {"over_budget_by_a_quarter", Rounded(static_cast<double>(far_over) / draws)}});
}

Status RunBudget(const BudgetFlags& flags) {
  std::vector<JudgedPair> pairs;
  for (const std::string& path : flags.features) {
    NEARHIT_RETURN_IF_ERROR(ReadFeatures(path, &pairs));
  }
  for (const float max_error : flags.max_errors) {
    for (const std::size_t requests : flags.requests) {
      Simulate(flags, pairs, max_error, requests);
    }
  }
  return {};
}

}  // namespace

void AddBudget(CLI::App* app, Command* command) {
  auto flags = std::make_shared<BudgetFlags>();
  CLI::App* budget = app->add_subcommand("budget", "Whether labels keep an error budget");
  budget->add_option("--features", flags->features, "Files that `features` wrote")->required();
  AddList(budget, "--max-error", &flags->max_errors, "Shares of requests that may be wrong");
  AddList(budget, "--requests", &flags->requests, "Requests that are judged");
  budget->add_option("--judge-error", flags->judge_error, "Share of what is wrong that passes")
      ->check(CLI::Range(0.0, 1.0));
  budget->add_option("--draws", flags->draws, "Draws of the labels")->capture_default_str();
  budget->add_option("--seed", flags->seed, "Of the draws")->capture_default_str();
  budget->callback([=] { command->run = [=] { return RunBudget(*flags); }; });
}

}  // namespace nearhit::bench
