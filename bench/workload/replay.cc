// nearhit-bench replay: what a policy serves, and how much of it is wrong, on labelled prompts.
// Runs on the public library; a wrong hit shows because each answer carries its prompt's label.
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "bench/workload/commands.h"
#include "bench/workload/flags.h"
#include "bench/workload/measure.h"
#include "bench/workload/replay_data.h"
#include "bench/workload/report.h"
#include "bench/workload/scratch.h"

namespace nearhit::bench {

namespace {

constexpr const char* kThreshold = "threshold";
constexpr const char* kGuards = "guards";
constexpr const char* kBudget = "budget";
constexpr const char* kLabels = "labels";

struct ReplayFlags {
  std::string pairs;
  std::string stream;
  EmbedderSpec embedder{.kind = "lexical"};
  std::uint32_t dimension = 0;
  std::string texts;
  std::string vectors;
  std::vector<float> thresholds = {0.7F, 0.8F, 0.9F, 0.95F};
  std::vector<float> max_errors = {0.005F, 0.01F, 0.02F};
  std::vector<std::string> policies = {kGuards};
  std::vector<std::string> protocols;
  std::size_t limit = 0;
  std::string guards_off;
  double label_share = 0.05;
  double label_error = 0.1;
  std::size_t most_labels = 0;
  std::size_t count_from = 0;
  unsigned seed = 1;
};

struct Score {
  std::size_t requests = 0;
  std::size_t hits = 0;  // wrong ones included
  std::size_t exact = 0;
  std::size_t by_label = 0;  // hits that a label had asked for
  std::size_t labels = 0;    // given
  std::size_t wrong = 0;
  std::size_t missed = 0;   // misses although a right answer was there
  std::size_t skipped = 0;  // texts without a vector
  PolicyReport report{};    // at the end
};

constexpr const char* kPairs = "pairs";
constexpr const char* kCacheOnMiss = "cache_on_miss";
constexpr const char* kInsertAlways = "insert_always";

// What a replay serves by.
struct Policy {
  std::string name;
  float threshold = 0;
  float max_error = 0;  // of a budget

  bool has_budget() const { return name == kBudget || name == kLabels; }
};

// A cache with one policy, in memory.
class Replayer {
 public:
  Replayer(const ReplayFlags& flags, const KnownVectors* known, Policy policy)
      : flags_(flags), known_(known), policy_(std::move(policy)) {}

  Status Open() {
    NEARHIT_ASSIGN_OR_RETURN(scratch_, ScratchDatabase::Open(/*on_disk=*/false));
    NamespaceConfig config;
    config.embedder = flags_.embedder;
    config.dimension =
        known_ != nullptr ? static_cast<std::uint32_t>(known_->dimension()) : flags_.dimension;
    config.threshold = policy_.threshold;
    config.max_error = policy_.max_error;
    NEARHIT_ASSIGN_OR_RETURN(config.guards_off, ParseGuards(flags_.guards_off));
    if (policy_.name == kThreshold) {
      config.guards_off = GuardSet::All();
    }
    NEARHIT_RETURN_IF_ERROR(scratch_->db().CreateNamespace("replay", config));
    NEARHIT_ASSIGN_OR_RETURN(cache_, scratch_->db().Cache("replay"));
    return {};
  }

  // Each pair alone: `cached` is all that its scope holds.
  Result<Score> Pairs(const std::vector<LabelledPair>& pairs) {
    Score score;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const std::string scope = std::to_string(i);
      const LabelledPair& pair = pairs[i];
      NEARHIT_ASSIGN_OR_RETURN(const bool stored, Store(scope, pair.cached, "1"));
      NEARHIT_ASSIGN_OR_RETURN(const std::optional<LookupResult> found, Find(scope, pair.asked));
      if (!stored || !found) {
        ++score.skipped;
        continue;
      }
      Count(*found, /*right=*/pair.same, /*there=*/pair.same, &score);
    }
    return score;
  }

  // One scope; the label of every text that is stored is remembered to tell misses apart.
  Result<Score> Stream(const std::vector<LabelledPrompt>& prompts, bool insert_always) {
    Score score;
    std::unordered_map<std::string, std::size_t> stored;  // by label
    std::mt19937 random(flags_.seed);
    std::size_t labels = 0;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      const LabelledPrompt& prompt = prompts[i];
      NEARHIT_ASSIGN_OR_RETURN(const std::optional<LookupResult> found, Find("s", prompt.text));
      if (!found) {
        ++score.skipped;
        continue;
      }
      const bool hit = found->kind != HitKind::kMiss;
      if (i >= flags_.count_from) {
        Count(*found, hit && found->answer == prompt.label, stored.contains(prompt.label), &score);
      }
      if (policy_.name == kLabels && (flags_.most_labels == 0 || labels < flags_.most_labels)) {
        NEARHIT_ASSIGN_OR_RETURN(const bool labelled, MaybeLabel(prompt, *found, &random));
        labels += labelled ? 1 : 0;
        if (labelled && labels % kLabelsPerRound == 0) {
          NEARHIT_RETURN_IF_ERROR(scratch_->db().RunMaintenance());
        }
      }
      if (!hit || insert_always) {
        NEARHIT_RETURN_IF_ERROR(Store("s", prompt.text, prompt.label).status());
        ++stored[prompt.label];
      }
      if (i % 1'000 == 0) {
        NEARHIT_RETURN_IF_ERROR(scratch_->db().RunMaintenance());
      }
    }
    score.labels = labels;
    NEARHIT_ASSIGN_OR_RETURN(score.report, cache_->Policy());
    return score;
  }

 private:
  static constexpr std::size_t kLabelsPerRound = 20;

  // A judge looks at a share of the requests that have something near, and errs on a share of what
  // is wrong.
  Result<bool> MaybeLabel(const LabelledPrompt& prompt, const LookupResult& found,
                          std::mt19937* random) {
    std::uniform_real_distribution<double> uniform;
    const double drawn = uniform(*random);
    const double error = uniform(*random);
    if (!found.candidate || found.kind == HitKind::kExact || found.rule == "label" ||
        drawn >= flags_.label_share) {
      return false;
    }
    NEARHIT_ASSIGN_OR_RETURN(const Entry entry, cache_->Get(found.candidate));
    LabelRequest label;
    label.prompt = {.scope = "s", .slot = prompt.text};
    if (known_ != nullptr) {
      label.prompt.vector = known_->Find(prompt.text);
    }
    label.id = found.candidate;
    label.serves = entry.answer == prompt.label || error < flags_.label_error;
    label.source = LabelSource::kJudge;
    label.sampled = true;
    NEARHIT_RETURN_IF_ERROR(cache_->Label(label).status());
    return true;
  }

  static void Count(const LookupResult& found, bool right, bool there, Score* score) {
    ++score->requests;
    if (found.kind == HitKind::kMiss) {
      score->missed += there ? 1 : 0;
      return;
    }
    ++score->hits;
    score->exact += found.kind == HitKind::kExact ? 1 : 0;
    score->by_label += found.rule == "label" ? 1 : 0;
    score->wrong += right ? 0 : 1;
  }

  // False when the text has no vector and there is no embedder.
  Result<bool> Store(const std::string& scope, const std::string& text, const std::string& answer) {
    StoreRequest request;
    request.prompt = {.scope = scope, .slot = text};
    request.answer = answer;
    if (known_ != nullptr) {
      request.prompt.vector = known_->Find(text);
      if (request.prompt.vector.empty()) {
        return false;
      }
    }
    NEARHIT_RETURN_IF_ERROR(cache_->Store(request).status());
    return true;
  }

  Result<std::optional<LookupResult>> Find(const std::string& scope, const std::string& text) {
    Prompt prompt{.scope = scope, .slot = text};
    if (known_ != nullptr) {
      prompt.vector = known_->Find(text);
      if (prompt.vector.empty()) {
        return std::optional<LookupResult>();
      }
    }
    NEARHIT_ASSIGN_OR_RETURN(LookupResult found, cache_->Lookup(prompt, {}));
    if (found.miss_reason == MissReason::kEmbedFailed) {
      return Unavailable("the embedder failed");
    }
    return std::optional<LookupResult>(std::move(found));
  }

  const ReplayFlags& flags_;
  const KnownVectors* const known_;
  const Policy policy_;
  std::unique_ptr<ScratchDatabase> scratch_;
  std::shared_ptr<SemanticCache> cache_;
};

double Share(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : Rounded(static_cast<double>(part) / static_cast<double>(whole));
}

// Wilson, "Probable inference, the law of succession, and statistical inference" (1927): the bounds
// of a share, 95 % of the time.
std::pair<double, double> Interval(std::size_t part, std::size_t whole) {
  if (whole == 0) {
    return {0, 1};
  }
  constexpr double kZ = 1.959964;
  const double n = static_cast<double>(whole);
  const double share = static_cast<double>(part) / n;
  const double middle = share + kZ * kZ / (2 * n);
  const double half = kZ * std::sqrt(share * (1 - share) / n + kZ * kZ / (4 * n * n));
  const double scale = 1 + kZ * kZ / n;
  return {Rounded((middle - half) / scale), Rounded((middle + half) / scale)};
}

void PrintScore(const ReplayFlags& flags, const std::string& protocol, const Policy& policy,
                const Score& score, double seconds) {
  const auto [error_low, error_high] = Interval(score.wrong, score.requests);
  Print({{"protocol", protocol},
         {"embedder", flags.embedder.kind},
         {"policy", policy.name},
         {"threshold", Rounded(static_cast<double>(policy.threshold))},
         {"max_error", Rounded(static_cast<double>(policy.max_error))},
         {"requests", score.requests},
         {"hits", score.hits},
         {"exact_hits", score.exact},
         {"label_hits", score.by_label},
         {"labels", score.labels},
         {"judged_requests", Rounded(static_cast<double>(score.report.judged_requests))},
         {"expected_hit_rate", Rounded(static_cast<double>(score.report.hits))},
         {"expected_error_rate", Rounded(static_cast<double>(score.report.wrong))},
         {"wrong", score.wrong},
         {"misses", score.requests - score.hits},
         {"missed_right", score.missed},
         {"skipped", score.skipped},
         {"hit_rate", Share(score.hits, score.requests)},
         {"error_rate", Share(score.wrong, score.requests)},
         {"error_rate_low", error_low},
         {"error_rate_high", error_high},
         {"error_rate_of_hits", Share(score.wrong, score.hits)},
         {"seconds", Rounded(seconds)}});
}

std::vector<Policy> PoliciesOf(const ReplayFlags& flags) {
  std::vector<Policy> policies;
  for (const std::string& name : flags.policies) {
    Policy policy{.name = name};
    const bool budget = policy.has_budget();
    for (const float value : budget ? flags.max_errors : flags.thresholds) {
      (budget ? policy.max_error : policy.threshold) = value;
      policies.push_back(policy);
    }
  }
  return policies;
}

Status RunReplay(const ReplayFlags& flags) {
  if (flags.pairs.empty() == flags.stream.empty()) {
    return InvalidArgument("give --pairs or --stream, one of the two");
  }
  if ((flags.embedder.kind == "none") != !flags.vectors.empty() ||
      flags.vectors.empty() != flags.texts.empty()) {
    return InvalidArgument("--texts and --vectors go with --embedder none, and it with them");
  }
  std::vector<LabelledPair> pairs;
  std::vector<LabelledPrompt> prompts;
  if (!flags.pairs.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(pairs, ReadPairs(flags.pairs));
    prompts = StreamOf(pairs);
  } else {
    NEARHIT_ASSIGN_OR_RETURN(prompts, ReadStream(flags.stream));
  }
  if (flags.limit != 0) {
    pairs.resize(std::min(pairs.size(), flags.limit));
    prompts.resize(std::min(prompts.size(), flags.limit));
  }
  std::optional<KnownVectors> known;
  if (!flags.vectors.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(known, KnownVectors::Read(flags.texts, flags.vectors));
  }
  for (const std::string protocol : {kPairs, kCacheOnMiss, kInsertAlways}) {
    const bool wanted = flags.protocols.empty() ||
                        std::find(flags.protocols.begin(), flags.protocols.end(), protocol) !=
                            flags.protocols.end();
    if (!wanted || (protocol == kPairs && pairs.empty())) {
      continue;
    }
    for (const Policy& policy : PoliciesOf(flags)) {
      Replayer replayer(flags, known ? &*known : nullptr, policy);
      NEARHIT_RETURN_IF_ERROR(replayer.Open());
      const auto start = SteadyClock::now();
      NEARHIT_ASSIGN_OR_RETURN(const Score score,
                               protocol == kPairs
                                   ? replayer.Pairs(pairs)
                                   : replayer.Stream(prompts, protocol == kInsertAlways));
      PrintScore(flags, protocol, policy, score, SecondsSince(start));
    }
  }
  return {};
}

}  // namespace

void AddReplay(CLI::App* app, Command* command) {
  auto flags = std::make_shared<ReplayFlags>();
  CLI::App* replay = app->add_subcommand("replay", "Hits, wrong hits and misses by policy");
  replay->add_option("--pairs", flags->pairs, "TSV of labelled pairs, gzip or plain");
  replay->add_option("--stream", flags->stream, "JSON lines with text and label");
  replay
      ->add_option("--embedder", flags->embedder.kind,
                   "lexical, http, local, or none with --vectors")
      ->check(CLI::IsMember({"lexical", "http", "local", "none"}))
      ->capture_default_str();
  replay->add_option("--url", flags->embedder.url, "http: address of …/v1/embeddings");
  replay->add_option("--model", flags->embedder.model, "http: its name; local: its folder");
  replay->add_option("--api-key-env", flags->embedder.api_key_env, "http: variable with the key");
  replay->add_option("--dim", flags->dimension, "Of the embedder; 0: its own");
  replay->add_option("--texts", flags->texts, "none: one text a line, gzip or plain");
  replay->add_option("--vectors", flags->vectors, "none: row i is the vector of line i");
  AddList(replay, "--threshold", &flags->thresholds, "Scores from which an entry is served");
  AddList(replay, "--policy", &flags->policies,
          "threshold, guards (a threshold and the guards), budget, labels (a budget and a judge)")
      ->check(CLI::IsMember({kThreshold, kGuards, kBudget, kLabels}));
  AddList(replay, "--max-error", &flags->max_errors,
          "budget: shares of requests that may be wrong");
  AddList(replay, "--protocol", &flags->protocols, "pairs, cache_on_miss, insert_always; all")
      ->check(CLI::IsMember({kPairs, kCacheOnMiss, kInsertAlways}));
  replay->add_option("--limit", flags->limit, "First requests only (0: all)");
  replay->add_option("--guards-off", flags->guards_off, "Guards that are off, or all");
  replay
      ->add_option("--label-share", flags->label_share,
                   "labels: share of the requests with something near that a judge looks at")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  replay
      ->add_option("--label-error", flags->label_error,
                   "labels: share of what is wrong that the judge calls right")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  replay->add_option("--most-labels", flags->most_labels, "labels: of the judge in all (0: any)");
  replay->add_option("--count-from", flags->count_from, "Streams: first request that counts");
  replay->add_option("--seed", flags->seed, "labels: of the judge")->capture_default_str();
  replay->callback([=] { command->run = [=] { return RunReplay(*flags); }; });
}

}  // namespace nearhit::bench
