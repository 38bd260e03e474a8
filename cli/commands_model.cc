// model verify.
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/output.h"
#include "nearhit/local_embedder.h"

namespace nearhit {
namespace {

bool Passed(const ReferenceCheck& check) {
  return check.cosine >= kMinReferenceCosine;
}

Json ReportToJson(const std::string& folder, const ModelReport& report) {
  Json files = Json::array();
  for (const ModelFile& file : report.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  Json checks = Json::array();
  for (const ReferenceCheck& check : report.references) {
    checks.push_back({{"text", check.text}, {"cosine", check.cosine}, {"passed", Passed(check)}});
  }
  return {{"folder", folder},
          {"identity", report.identity},
          {"kind", report.kind},
          {"dimension", report.dimension},
          {"max_tokens", report.max_tokens},
          {"vocabulary", report.vocabulary},
          {"layers", report.layers},
          {"heads", report.heads},
          {"intermediate", report.intermediate},
          {"positions", report.positions},
          {"pooling", report.pooling},
          {"normalize", report.normalize},
          {"prefix", report.prefix},
          {"tensors", report.tensors},
          {"parameters", report.parameters},
          {"memory_bytes", report.memory_bytes},
          {"load_seconds", report.load_seconds},
          {"files", files},
          {"self_test", checks}};
}

std::string ShapeText(const ModelReport& report) {
  std::string text = report.kind + ", dimension " + std::to_string(report.dimension);
  if (report.layers > 0) {
    text += ", " + std::to_string(report.layers) + " layers of " + std::to_string(report.heads) +
            " heads, intermediate " + std::to_string(report.intermediate) + ", " +
            std::to_string(report.positions) + " positions";
  }
  return text;
}

std::string TextsText(const ModelReport& report) {
  std::string text = "up to " + FormatCount(report.max_tokens) + " tokens";
  text += report.pooling.empty() ? "" : ", " + report.pooling + " pooling";
  text += report.normalize ? ", vectors of length 1" : ", vectors of any length";
  text += report.prefix.empty() ? "" : ", behind the prefix \"" + report.prefix + "\"";
  return text;
}

void PrintReport(std::ostream& out, const std::string& folder, const ModelReport& report) {
  std::vector<std::vector<std::string>> files{{"FILE", "BYTES", "SHA-256"}};
  for (const ModelFile& file : report.files) {
    files.push_back({file.name, FormatCount(file.bytes), file.sha256});
  }
  PrintTable(out, files);
  out << '\n';
  PrintFields(
      out, {{"folder", folder},
            {"identity", report.identity},
            {"model", ShapeText(report)},
            {"texts", TextsText(report)},
            {"vocabulary", FormatCount(report.vocabulary) + " tokens"},
            {"weights", FormatCount(report.tensors) + " tensors, " +
                            FormatCount(report.parameters) + " numbers"},
            {"memory", FormatBytes(report.memory_bytes) + " of weights"},
            {"loaded in", FormatDurationMs(static_cast<std::int64_t>(report.load_seconds * 1e3))}});
  out << '\n';
  if (report.references.empty()) {
    out << "self-test: no vectors are shipped for these weights; the files are in order\n";
    return;
  }
  std::vector<std::vector<std::string>> checks{{"COSINE", "SELF-TEST"}};
  for (const ReferenceCheck& check : report.references) {
    checks.push_back(
        {FormatScore(static_cast<float>(check.cosine)) + (Passed(check) ? "" : " *"), check.text});
  }
  PrintTable(out, checks);
}

int Verify(const CliContext& context, std::string folder) {
  if (folder.empty()) {
    folder = DefaultModelFolder().string();
  }
  if (folder.empty()) {
    return context.FailUsage(
        InvalidArgument("no model folder is named, and there is none where "
                        "one is looked for (docs/embedders.md)"));
  }
  const Result<ModelReport> report = InspectModel(folder);
  if (!report.ok()) {
    return context.FailUsage(
        Status(report.status().code(), folder + ": " + std::string(report.status().message())));
  }
  if (context.json) {
    PrintJson(*context.out, ReportToJson(folder, *report));
  } else {
    PrintReport(*context.out, folder, *report);
  }
  const auto failed = static_cast<std::size_t>(
      std::ranges::count_if(report->references, [](const auto& check) { return !Passed(check); }));
  if (failed > 0) {
    return context.Fail(DataLoss("self-test: " + std::to_string(failed) + " of " +
                                 std::to_string(report->references.size()) +
                                 " vectors are below cosine " +
                                 FormatScore(static_cast<float>(kMinReferenceCosine)) +
                                 " to the shipped ones: the settings or the vocabulary beside "
                                 "these weights are not theirs"));
  }
  return kExitOk;
}

}  // namespace

void AddModelCommands(CLI::App* app, CliContext* context) {
  CLI::App* model = app->add_subcommand("model", "Model folders of the embedder kind local");
  model->require_subcommand(1);
  model->fallthrough();
  auto folder = std::make_shared<std::string>();
  CLI::App* command = model->add_subcommand(
      "verify", "Check files and settings, load, and compare with shipped vectors");
  command->add_option("folder", *folder,
                      "Default: $NEARHIT_MODEL, or where scripts/run puts the model");
  command->callback([=] { context->run = [=] { return Verify(*context, *folder); }; });
}

}  // namespace nearhit
