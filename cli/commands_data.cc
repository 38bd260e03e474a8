// import, export.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "cli/commands.h"
#include "cli/export.h"
#include "cli/import.h"
#include "cli/namespace_flags.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/parse.h"

namespace nearhit {
namespace {

struct ImportFlags : ImportOptions {
  std::string format;
  std::string columns;
  std::string separator;
  bool wants_create = false;
  NamespaceFlags create_flags;

  void AddRecordFlags(CLI::App* command) {
    command->add_option("--format", format, "jsonl, lines, csv or tsv; default: by the file's name")
        ->check(CLI::IsMember({"jsonl", "lines", "csv", "tsv"}));
    FieldNames& names = records.fields;
    command->add_option("--text-field", names.text, "Field of the prompt")->capture_default_str();
    command->add_option("--answer-field", names.answer, "Field of the answer")
        ->capture_default_str();
    command->add_option("--scope-field", names.scope, "Field of the scope")->capture_default_str();
    command->add_option("--vector-field", names.vector, "Field of the vector")
        ->capture_default_str();
    command->add_option("--tags-field", names.tags, "Field of the tags")->capture_default_str();
    command->add_option("--model-field", names.model, "Field of the model")->capture_default_str();
    command->add_option("--key-field", names.key, "Vectors: field of the key")
        ->capture_default_str();
    command->add_option("--payload-field", names.payload, "Vectors: field of the payload")
        ->capture_default_str();
    command->add_option("--columns", columns, "CSV, TSV without a header: names, by commas");
    command->add_option("--separator", separator,
                        "CSV: a character, or tab; default: , ; tab or |, as the header has it");
    command->add_option("--scope", records.scope, "Scope of records that have none");
    command->add_option("--answer-template", records.answer_template,
                        "Lines: answer; {} is the line");
    command->add_option("--vectors", vector_file, "Vector file; row i belongs to line i");
  }
};

void PrintSummary(const CliContext& context, const ImportSummary& summary) {
  const double rate =
      summary.seconds > 0 ? static_cast<double>(summary.imported) / summary.seconds : 0;
  if (context.json) {
    PrintJson(*context.out, {{"imported", summary.imported},
                             {"replaced", summary.replaced},
                             {"bad", summary.bad},
                             {"without_vector", summary.without_vector},
                             {"resumed_after_line", summary.resumed_after_line},
                             {"seconds", summary.seconds},
                             {"per_second", rate}});
    return;
  }
  *context.out << FormatCount(summary.imported) << " imported, " << FormatCount(summary.replaced)
               << " replaced, " << FormatCount(summary.bad) << " bad, "
               << (summary.without_vector == 0
                       ? ""
                       : FormatCount(summary.without_vector) + " without a vector, ")
               << FormatDurationMs(static_cast<std::int64_t>(summary.seconds * 1e3)) << ", "
               << FormatCount(static_cast<std::uint64_t>(rate)) << "/s\n";
}

int Import(const CliContext& context, ImportFlags& flags) {
  flags.records.format = flags.format == "jsonl"   ? ImportFormat::kJsonl
                         : flags.format == "lines" ? ImportFormat::kLines
                         : flags.format == "csv"   ? ImportFormat::kCsv
                         : flags.format == "tsv"   ? ImportFormat::kTsv
                                                   : GuessImportFormat(flags.path);
  flags.records.guessed = flags.format.empty();
  flags.records.columns = SplitList(flags.columns, ',');
  if (!flags.separator.empty()) {
    if (flags.separator.size() > 1 && flags.separator != "tab") {
      return context.FailUsage(InvalidArgument("--separator is one character, or tab"));
    }
    flags.records.separator = flags.separator == "tab" ? '\t' : flags.separator.front();
  }
  if (flags.path != "-" && access(flags.path.c_str(), R_OK) != 0) {
    return context.FailUsage(NotFound(flags.path + ": cannot be read"));
  }
  if (flags.wants_create) {
    if (const Status status = flags.create_flags.Fill(&flags.create.emplace()); !status.ok()) {
      return context.FailUsage(status);
    }
  }
  flags.progress = flags.progress || isatty(STDERR_FILENO) == 1;
  const Client client = context.Connect(kBulkTimeout);
  ImportSummary summary;
  const Status status =
      RunImport(client, static_cast<const ImportOptions&>(flags), context.err, &summary);
  PrintSummary(context, summary);
  if (!status.ok()) {
    return summary.input_error ? context.FailUsage(status) : context.Fail(status);
  }
  // It is the wrong file, or its format or fields are.
  if (!summary.input_empty && summary.imported == 0 && summary.resumed_after_line == 0) {
    return context.FailUsage(
        InvalidArgument(flags.path + (summary.bad > 0 ? ": no line of it could be imported"
                                                      : ": it has no record to import")));
  }
  return kExitOk;
}

void AddImport(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command =
      app->add_subcommand("import", "Load JSONL, CSV, TSV or plain lines, gzip or not");
  AddNamespaceFlag(command, &flags->name);
  command->add_option("file", flags->path, "File, or - for standard input")->required();
  flags->AddRecordFlags(command);
  command->add_flag("--resume", flags->resume, "Keep a progress file; go on where it says");
  command->add_flag("--progress", flags->progress, "Show progress although stderr is no terminal");
  command->add_option("--bad-lines", flags->bad_lines, "File for numbers and reasons of bad lines");
  command->add_option("--limit", flags->limit, "Import so many records; 0: all");
  command->add_option("--batch", flags->batch, "Records to a request")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--parallel", flags->parallel, "Requests in flight")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  AddDurabilityFlag(command, &flags->durability);
  command->add_flag("--create", flags->wants_create,
                    "Create the namespace unless it is there, with:");
  flags->create_flags.AddFixed(command);
  flags->create_flags.AddChangeable(command, false);
  command->callback([=] { context->run = [=] { return Import(*context, *flags); }; });
}

// "1, 2, 3, …" of any number of ids.
std::string SomeIds(const std::vector<std::uint64_t>& ids) {
  constexpr std::size_t kMost = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(ids.size(), kMost); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(ids[i]);
  }
  return ids.size() > kMost ? text + ", …" : text;
}

int Export(const CliContext& context, const ExportOptions& options, const std::string& output) {
  const bool to_file = output != "-";
  OutputFile file;
  if (to_file) {
    if (const Status opened = file.Open(output); !opened.ok()) {
      return context.FailUsage(opened);
    }
  }
  std::ostream& out = to_file ? file.stream() : *context.out;
  const Result<Exported> exported = RunExport(context.Connect(kBulkTimeout), options, &out);
  Status status = exported.status();
  if (status.ok() && to_file) {
    status = file.Commit();
  } else if (status.ok() && !out.flush()) {
    status = Internal("cannot write the output");
  }
  if (!status.ok()) {
    return context.Fail(status);
  }
  if (to_file) {
    *context.err << FormatCount(exported->entries) << " exported\n";
  }
  if (!exported->damaged.empty()) {
    return context.Fail(
        DataLoss(FormatCount(exported->damaged.size()) +
                 " entries cannot be read whole and were left out: " + SomeIds(exported->damaged)));
  }
  return kExitOk;
}

void AddExport(CLI::App* app, CliContext* context) {
  struct Flags : ExportOptions {
    std::string output = "-";
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app->add_subcommand("export", "Write every entry as JSON lines");
  AddNamespaceFlag(command, &flags->name);
  command->add_option("-o,--output", flags->output, "File; - is standard output")
      ->capture_default_str();
  command->add_flag("--vectors", flags->vectors, "With the vectors of cache entries");
  command->add_option("--limit", flags->limit, "Write so many entries; 0: all");
  command->callback(
      [=] { context->run = [=] { return Export(*context, *flags, flags->output); }; });
}

}  // namespace

void AddDataCommands(CLI::App* app, CliContext* context) {
  AddImport(app, context);
  AddExport(app, context);
}

}  // namespace nearhit
