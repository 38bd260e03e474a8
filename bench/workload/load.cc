#include "bench/workload/load.h"

#include <charconv>
#include <memory>
#include <numeric>
#include <system_error>

#include "bench/workload/commands.h"
#include "bench/workload/dataset.h"
#include "bench/workload/flags.h"
#include "bench/workload/report.h"
#include "formats/line_reader.h"

namespace nearhit::bench {

namespace {

struct LoadFlags {
  LoadOptions options;
  double rate = 1'000;
  double seconds = 10;
  std::vector<std::string> mix = {"lookup=1"};
  std::string vectors;
  std::string query;
  std::string texts;
  float threshold = 0.8F;
  std::size_t fill = 0;
  bool null = false;
  bool compare = false;
  bool stream = false;
  std::size_t in_flight = 1;
  std::size_t slices = 5;
};

Result<Mix> ParseMix(const std::vector<std::string>& parts) {
  Mix mix{};
  for (const std::string& part : parts) {
    const std::size_t equals = part.find('=');
    const auto name =
        std::find(kOperationNames.begin(), kOperationNames.end(), part.substr(0, equals));
    const std::string number = equals == std::string::npos ? "" : part.substr(equals + 1);
    double share = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), share);
    if (name == kOperationNames.end() || error != std::errc() ||
        end != number.data() + number.size() || !(share >= 0)) {
      return InvalidArgument("--mix takes lookup=, store=, ping= and embed= with shares, not " +
                             part);
    }
    mix[static_cast<std::size_t>(name - kOperationNames.begin())] = share;
  }
  if (std::accumulate(mix.begin(), mix.end(), 0.0) <= 0) {
    return InvalidArgument("--mix is empty");
  }
  return mix;
}

LoadResult RunSlice(const LoadFlags& flags, LoadGenerator* generator, const Mix& mix,
                    double seconds) {
  return flags.rate > 0 ? generator->RunOpen(mix, flags.rate, seconds)
                        : generator->RunClosed(mix, flags.in_flight, seconds);
}

double Micros(std::uint64_t nanos) {
  return static_cast<double>(nanos) / 1e3;
}

void PrintOperation(const LoadFlags& flags, const LoadResult& result, std::size_t at,
                    const char* name) {
  const OperationResult& operation = result.operations[at];
  const LatencyHistogram& latencies = operation.latencies;
  if (latencies.count() == 0 && operation.errors == 0) {
    return;
  }
  Json line = {{"operation", name},
               {"loop", flags.rate > 0 ? "open" : "closed"},
               {"rate", flags.rate},
               {"connections", flags.options.connections},
               {"calls", latencies.count()},
               {"qps", Rounded(static_cast<double>(latencies.count()) / result.seconds)},
               {"p50_us", Rounded(Micros(latencies.Quantile(0.5)))},
               {"p90_us", Rounded(Micros(latencies.Quantile(0.9)))},
               {"p99_us", Rounded(Micros(latencies.Quantile(0.99)))},
               {"p999_us", Rounded(Micros(latencies.Quantile(0.999)))},
               {"max_us", Rounded(Micros(latencies.max_nanos()))}};
  if (flags.rate == 0) {
    line["in_flight"] = flags.in_flight;
  }
  if (at == static_cast<std::size_t>(Operation::kLookup)) {
    line["hits"] = result.hits;
    line["misses"] = result.misses;
  }
  line["errors"] = operation.errors;
  line["dropped"] = result.dropped;
  Print(line);
  if (operation.errors > 0) {
    Remark("first error: " + operation.first_error);
  }
}

void Add(const LoadResult& slice, LoadResult* sum) {
  for (std::size_t i = 0; i < kOperations; ++i) {
    OperationResult& operation = sum->operations[i];
    operation.latencies.Merge(slice.operations[i].latencies);
    if (operation.errors == 0) {
      operation.first_error = slice.operations[i].first_error;
    }
    operation.errors += slice.operations[i].errors;
  }
  sum->hits += slice.hits;
  sum->misses += slice.misses;
  sum->dropped += slice.dropped;
  sum->seconds += slice.seconds;
}

// The mix and empty calls in turn, slice by slice: what the machine does otherwise falls on both.
void RunCompared(const LoadFlags& flags, const Mix& mix, LoadGenerator* generator) {
  const double seconds = flags.seconds / static_cast<double>(2 * flags.slices);
  LoadResult sum;
  LoadResult empty;
  std::array<std::vector<double>, kOperations> p50;
  for (std::size_t slice = 0; slice < flags.slices; ++slice) {
    const LoadResult pings = RunSlice(flags, generator, kOnlyPing, seconds);
    const LoadResult calls = RunSlice(flags, generator, mix, seconds);
    const auto ping = static_cast<std::size_t>(Operation::kPing);
    p50[ping].push_back(Micros(pings.operations[ping].latencies.Quantile(0.5)));
    for (std::size_t i = 0; i < kOperations; ++i) {
      if (i == ping) {
        continue;
      }
      p50[i].push_back(Micros(calls.operations[i].latencies.Quantile(0.5)));
    }
    Add(pings, &empty);
    Add(calls, &sum);
  }
  PrintOperation(flags, empty, static_cast<std::size_t>(Operation::kPing), "ping");
  for (std::size_t i = 0; i < kOperations; ++i) {
    PrintOperation(flags, sum, i, kOperationNames[i]);
    if (i != static_cast<std::size_t>(Operation::kPing) && mix[i] > 0) {
      const double base = Median(p50[static_cast<std::size_t>(Operation::kPing)]);
      Print({{"compare", std::string(kOperationNames[i]) + "/ping"},
             {"slices", flags.slices},
             {"p50_us", Rounded(Median(p50[i]))},
             {"ping_p50_us", Rounded(base)},
             {"ratio_p50", Rounded(base > 0 ? Median(p50[i]) / base : 0)}});
    }
  }
}

// Lookups as calls of their own and through one stream in turn.
void RunStreamed(const LoadFlags& flags, const VectorMatrix& queries, LoadGenerator* generator) {
  const double seconds = flags.seconds / static_cast<double>(2 * flags.slices);
  const auto lookup = static_cast<std::size_t>(Operation::kLookup);
  Mix only_lookups{};
  only_lookups[lookup] = 1;
  LoadResult calls;
  LoadResult streamed;
  std::vector<double> calls_per_second;
  std::vector<double> streamed_per_second;
  const auto add = [](const LoadResult& slice, LoadResult* sum, std::vector<double>* per_second) {
    Add(slice, sum);
    const LatencyHistogram& latencies = slice.operations[lookup].latencies;
    per_second->push_back(static_cast<double>(latencies.count()) / slice.seconds);
  };
  for (std::size_t slice = 0; slice < flags.slices; ++slice) {
    add(generator->RunClosed(only_lookups, flags.in_flight, seconds), &calls, &calls_per_second);
    add(RunStream(flags.options, queries, flags.in_flight, seconds), &streamed,
        &streamed_per_second);
  }
  PrintOperation(flags, calls, lookup, kOperationNames[lookup]);
  PrintOperation(flags, streamed, lookup, "lookup_stream");
  const double base = Median(calls_per_second);
  Print({{"compare", "stream/lookup"},
         {"slices", flags.slices},
         {"qps", Rounded(Median(streamed_per_second))},
         {"lookup_qps", Rounded(base)},
         {"ratio_qps", Rounded(base > 0 ? Median(streamed_per_second) / base : 0)}});
}

Result<std::vector<std::string>> ReadTexts(const std::string& path) {
  NEARHIT_ASSIGN_OR_RETURN(const auto lines, LineReader::Open(path, kMaxSlotBytes));
  std::vector<std::string> texts;
  std::string line;
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(const bool more, lines->Next(&line));
    if (!more) {
      break;
    }
    texts.push_back(line);
  }
  return texts.empty() ? InvalidArgument(path + " has no lines")
                       : Result<std::vector<std::string>>(std::move(texts));
}

Status RunLoad(LoadFlags& flags) {
  if (flags.stream && (flags.rate > 0 || flags.null || !flags.texts.empty())) {
    return InvalidArgument("--stream takes --rate 0 and --vectors, not --null or --texts");
  }
  NEARHIT_ASSIGN_OR_RETURN(const Mix mix, ParseMix(flags.mix));
  VectorMatrix rows;
  VectorMatrix queries;
  if (!flags.texts.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(flags.options.texts, ReadTexts(flags.texts));
  }
  const auto share = [&mix](Operation operation) {
    return mix[static_cast<std::size_t>(operation)];
  };
  const bool has_texts = !flags.texts.empty();
  if (share(Operation::kEmbed) > 0 && !has_texts) {
    return InvalidArgument("embed= of --mix needs --texts");
  }
  const bool needs_vectors = flags.fill > 0 || share(Operation::kStore) > 0 ||
                             (share(Operation::kLookup) > 0 && !has_texts);
  if (flags.fill > 0 || (!flags.null && needs_vectors)) {
    if (flags.vectors.empty()) {
      return InvalidArgument("--vectors is needed, except with --null or --texts");
    }
    NEARHIT_ASSIGN_OR_RETURN(rows, ReadVectorFile(flags.vectors));
    NormalizeRows(&rows);  // leaves out zero rows, which a cache refuses
    if (!flags.query.empty()) {
      NEARHIT_ASSIGN_OR_RETURN(queries, ReadVectorFile(flags.query));
      NormalizeRows(&queries);
    }
  }
  if (flags.fill > 0) {
    NEARHIT_RETURN_IF_ERROR(FillNamespace(flags.options, flags.threshold, flags.fill, rows));
  }
  LoadGenerator generator(flags.options, flags.query.empty() ? &rows : &queries, &rows);
  const Mix wanted = flags.null ? kOnlyPing : mix;
  RunSlice(flags, &generator, wanted, std::min(1.0, flags.seconds / 10));  // warms up
  if (flags.stream) {
    RunStreamed(flags, flags.query.empty() ? rows : queries, &generator);
    return {};
  }
  if (flags.compare && !flags.null) {
    RunCompared(flags, mix, &generator);
    return {};
  }
  const LoadResult result = RunSlice(flags, &generator, wanted, flags.seconds);
  for (std::size_t i = 0; i < kOperations; ++i) {
    PrintOperation(flags, result, i, kOperationNames[i]);
  }
  return {};
}

}  // namespace

void AddLoad(CLI::App* app, Command* command) {
  auto flags = std::make_shared<LoadFlags>();
  CLI::App* load = app->add_subcommand("load", "Latency of a daemon at a fixed rate of calls");
  load->add_option("--target", flags->options.target, "host:port or unix:/path")->required();
  load->add_option("--namespace", flags->options.name, "A cache; made by --fill");
  load->add_option("--rate", flags->rate, "Calls a second; 0: the next when one is answered")
      ->check(CLI::Range(0.0, 1e7))
      ->capture_default_str();
  load->add_option("--seconds", flags->seconds, "Of the measurement")
      ->check(CLI::Range(0.01, 86'400.0))
      ->capture_default_str();
  AddList(load, "--mix", &flags->mix, "Shares: lookup=0.9,store=0.1");
  load->add_option("--vectors", flags->vectors, "Vectors of what is filled in and stored");
  load->add_option("--query", flags->query, "Vectors of lookups; otherwise those of --vectors");
  load->add_option("--texts", flags->texts,
                   "Lookups and embed= ask these lines, one after the other, without vectors");
  load->add_option("--fill", flags->fill, "First make the namespace and store so many entries");
  load->add_option("--threshold", flags->threshold, "Of the namespace that --fill makes")
      ->capture_default_str();
  load->add_option("--answer-bytes", flags->options.answer_bytes, "Of what is stored")
      ->capture_default_str();
  load->add_option("--connections", flags->options.connections, "To the daemon")
      ->check(CLI::Range(1, 1'024))
      ->capture_default_str();
  load->add_flag("--null", flags->null, "Empty calls instead: the floor of the same path");
  load->add_flag("--compare", flags->compare, "Empty calls in turn with the mix, and the ratio");
  load->add_flag("--stream", flags->stream, "Lookups as calls in turn with a LookupStream's");
  load->add_option("--in-flight", flags->in_flight, "Calls at a time with --rate 0")
      ->check(CLI::Range(1, 4'096))
      ->capture_default_str();
  load->add_option("--slices", flags->slices, "Turns of --compare and --stream")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  load->callback([=] { command->run = [=] { return RunLoad(*flags); }; });
}

}  // namespace nearhit::bench
