// lookup: one prompt, or every line of a file.
#include <memory>

#include "cli/commands.h"
#include "cli/explanation.h"
#include "cli/lookup_lines.h"
#include "cli/output.h"
#include "cli/prompt_flags.h"

namespace nearhit {
namespace {

struct LookupFlags : PromptFlags {
  std::optional<float> min_score;
  bool exact_only = false;
  bool answer_only = false;
  bool explain = false;
  std::string lines;
  std::string vector_file;
  std::string bad_lines;
  std::uint64_t limit = 0;
  CLI::Option* prompt_option = nullptr;

  void Add(CLI::App* command) {
    PromptFlags::Add(command);
    prompt_option = command->get_option("prompt")->required(false);
    command->add_option("--min-score", min_score, "Stricter threshold than the namespace's");
    command->add_flag("--exact", exact_only, "Only the exact tier");
    CLI::Option* answer_option = command->add_flag("--answer-only", answer_only,
                                                   "Print the answer's bytes and nothing else");
    CLI::Option* lines_option =
        command->add_option("--lines", lines, "Look up every line of this file, gzip or not; or -");
    lines_option->excludes(prompt_option);
    lines_option->excludes(answer_option);
    CLI::Option* explain_option =
        command->add_flag("--explain", explain, "Print what the lookup did, step by step");
    lines_option->excludes(explain_option);
    answer_option->excludes(explain_option);
    lines_option->excludes(command->get_option("--vector"));
    command->add_option("--vectors", vector_file, "Vector file; row i belongs to line i")
        ->needs(lines_option);
    command->add_option("--bad-lines", bad_lines, "File for numbers and reasons of bad lines")
        ->needs(lines_option);
    command->add_option("--limit", limit, "Look up so many lines; 0: all")->needs(lines_option);
  }

  void Check() const {
    if (prompt_option->empty() && lines.empty()) {
      throw CLI::RequiredError("a prompt or --lines");
    }
  }
};

void PrintLookup(std::ostream& out, const v1::LookupResult& result) {
  const bool hit = result.kind() != v1::HIT_KIND_MISS;
  Fields fields;
  if (hit) {
    fields.emplace_back("result",
                        result.kind() == v1::HIT_KIND_EXACT ? "exact hit" : "semantic hit");
  } else {
    fields.emplace_back("result",
                        "miss (" + std::string(MissReasonText(result.miss_reason())) +
                            (result.miss_reason() == v1::MISS_REASON_GUARDED ? ": " + result.rule()
                                                                             : std::string()) +
                            ")");
  }
  if (result.has_score()) {
    fields.emplace_back("score", FormatScore(result.score()));
  }
  if (hit) {
    fields.emplace_back("id", std::to_string(result.id()));
    if (result.kind() == v1::HIT_KIND_SEMANTIC) {
      fields.emplace_back("matched", result.matched_slot());
    }
    fields.emplace_back("age", FormatDurationMs(result.age_ms()));
    if (result.has_ttl_left_ms()) {
      fields.emplace_back("expires in", FormatDurationMs(result.ttl_left_ms()));
    }
  }
  PrintFields(out, fields);
  if (result.has_trace()) {
    out << '\n';
    PrintTrace(out, result.trace());
  }
  if (hit) {
    out << '\n' << result.answer() << '\n';
  }
}

int LookUpOne(const CliContext& context, const LookupFlags& flags) {
  v1::LookupRequest request;
  request.set_namespace_(flags.name);
  if (const Status status = flags.Fill(request.mutable_prompt()); !status.ok()) {
    return context.FailUsage(status);
  }
  if (flags.min_score) {
    request.mutable_options()->set_min_score(*flags.min_score);
  }
  request.mutable_options()->set_exact_only(flags.exact_only);
  request.mutable_options()->set_explain(flags.explain);
  const Client client = context.Connect();
  v1::LookupResponse response;
  if (const Status status =
          client.Call(client.cache(), &v1::Cache::Stub::Lookup, request, &response);
      !status.ok()) {
    return context.Fail(status);
  }
  if (flags.answer_only) {
    *context.out << response.result().answer();
  } else if (context.json) {
    Json json = LookupToJson(response.result());
    if (response.result().has_trace()) {
      json["trace"] = TraceToJson(response.result().trace());
    }
    PrintJson(*context.out, json);
  } else {
    PrintLookup(*context.out, response.result());
  }
  return response.result().kind() == v1::HIT_KIND_MISS ? kExitNotFound : kExitOk;
}

void PrintSummary(std::ostream& err, const LookupLinesSummary& summary) {
  const double rate =
      summary.seconds > 0 ? static_cast<double>(summary.lines) / summary.seconds : 0;
  err << FormatCount(summary.lines) << " lines: " << FormatCount(summary.exact) << " exact, "
      << FormatCount(summary.semantic) << " semantic, " << FormatCount(summary.misses)
      << " misses, " << FormatCount(summary.errors) << " errors, "
      << FormatDurationMs(static_cast<std::int64_t>(summary.seconds * 1e3)) << ", "
      << FormatCount(static_cast<std::uint64_t>(rate)) << " lookups/s\n";
}

int LookUpLines(const CliContext& context, const LookupFlags& flags) {
  LookupLinesOptions options;
  options.path = flags.lines;
  options.name = flags.name;
  options.scope = flags.scope;
  options.vector_file = flags.vector_file;
  options.bad_lines = flags.bad_lines;
  options.min_score = flags.min_score;
  options.exact_only = flags.exact_only;
  options.json = context.json;
  options.limit = flags.limit;
  LookupLinesSummary summary;
  const Status status =
      RunLookupLines(context.Connect(kBulkTimeout), options, context.out, context.err, &summary);
  if (status.ok() || summary.lines > 0) {
    PrintSummary(*context.err, summary);
  }
  if (!status.ok()) {
    return summary.input_error ? context.FailUsage(status) : context.Fail(status);
  }
  if (summary.errors > 0) {
    return summary.first_error;
  }
  return summary.misses > 0 ? kExitNotFound : kExitOk;
}

}  // namespace

void AddLookupCommand(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<LookupFlags>();
  CLI::App* command =
      app->add_subcommand("lookup", "Find the answer to a prompt; exit code 1 on a miss");
  flags->Add(command);
  command->callback([=] {
    flags->Check();
    context->run = [=] {
      return flags->lines.empty() ? LookUpOne(*context, *flags) : LookUpLines(*context, *flags);
    };
  });
}

}  // namespace nearhit
