// embed, similar.
#include <cmath>
#include <memory>

#include "cli/commands.h"
#include "cli/embed_lines.h"
#include "cli/output.h"
#include "cli/text_embedder.h"
#include "formats/npy_writer.h"
#include "nearhit/types.h"

namespace nearhit {
namespace {

struct EmbedFlags : TextEmbedderFlags {
  std::string text = "-";
  std::string npy;
};

// Where vectors go: JSON lines on the output, or rows of a file.
class VectorSink {
 public:
  Status Open(const CliContext& context, const std::string& npy, std::size_t dimension) {
    context_ = &context;
    if (!npy.empty()) {
      zeros_.resize(dimension);
      NEARHIT_ASSIGN_OR_RETURN(file_, NpyWriter::Create(npy, dimension));
    }
    return Status();
  }

  // A text without a vector keeps its place: an empty list, a row of zeros.
  void Take(std::span<const float> vector) {
    if (file_ != nullptr) {
      file_->Append(vector.empty() ? std::span<const float>(zeros_) : vector);
    } else {
      PrintJson(*context_->out, {{"vector", VectorToJson(vector)}});
    }
  }

  Status Finish() { return file_ == nullptr ? Status() : file_->Finish(); }

 private:
  const CliContext* context_ = nullptr;
  std::unique_ptr<NpyWriter> file_;
  std::vector<float> zeros_;
};

void PrintSummary(const CliContext& context, const EmbedFlags& flags, const TextEmbedder& embedder,
                  const EmbedLinesSummary& summary) {
  if (context.json) {
    PrintJson(*context.out, {{"file", flags.npy},
                             {"rows", summary.lines},
                             {"dimension", embedder.dimension()},
                             {"without_vector", summary.without_vector},
                             {"embedder", embedder.identity()}});
    return;
  }
  *context.err << FormatCount(summary.lines) << " rows of " << embedder.dimension() << " in "
               << flags.npy << ", " << FormatCount(summary.without_vector)
               << " of them zeros (no vector)\n";
}

Status EmbedText(const TextEmbedder& embedder, const std::string& text, VectorSink* sink,
                 EmbedLinesSummary* summary) {
  NEARHIT_ASSIGN_OR_RETURN(const auto vectors, embedder.Embed({&text, 1}));
  sink->Take(vectors.front());
  summary->lines = 1;
  summary->without_vector = vectors.front().empty() ? 1 : 0;
  return Status();
}

int Embed(const CliContext& context, EmbedFlags& flags) {
  const bool from_input = flags.text == "-";
  if (const Status status = from_input ? Status() : CheckText(flags.text); !status.ok()) {
    return context.FailUsage(status);
  }
  int exit_code = kExitOk;
  const std::unique_ptr<TextEmbedder> embedder = flags.Open(context, &exit_code);
  if (embedder == nullptr) {
    return exit_code;
  }
  VectorSink sink;
  if (const Status opened = sink.Open(context, flags.npy, embedder->dimension()); !opened.ok()) {
    return context.FailUsage(opened);
  }
  EmbedLinesSummary summary;
  Status status;
  if (from_input) {
    auto lines = LineReader::Open("-", kMaxSlotBytes);
    if (!lines.ok()) {
      return context.FailUsage(lines.status());
    }
    status = EmbedLines(
        *embedder, lines->get(), [&sink](std::span<const float> vector) { sink.Take(vector); },
        &summary);
  } else {
    status = EmbedText(*embedder, flags.text, &sink, &summary);
  }
  if (!status.ok()) {
    return summary.input_error ? context.FailUsage(status) : flags.Fail(context, status);
  }
  if (status = sink.Finish(); !status.ok()) {
    return context.FailUsage(status);
  }
  if (!flags.npy.empty()) {
    PrintSummary(context, flags, *embedder, summary);
  }
  return summary.without_vector > 0 ? kExitNotFound : kExitOk;
}

void AddEmbed(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<EmbedFlags>();
  CLI::App* command = app->add_subcommand(
      "embed", "Print vectors of texts as JSON lines; exit code 1 when one has none");
  command->add_option("text", flags->text, "Text; - or nothing: each line of standard input");
  flags->Add(command);
  command->add_option("--npy", flags->npy, "Write them into this file, row i for line i");
  command->callback([=] { context->run = [=] { return Embed(*context, *flags); }; });
}

struct SimilarFlags : TextEmbedderFlags {
  std::vector<std::string> texts{"", ""};
};

float Cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double squares[2] = {0, 0};
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    squares[0] += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    squares[1] += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return static_cast<float>(dot / std::sqrt(squares[0] * squares[1]));
}

int Similar(const CliContext& context, SimilarFlags& flags) {
  for (const std::string& text : flags.texts) {
    if (const Status status = CheckText(text); !status.ok()) {
      return context.FailUsage(status);
    }
  }
  int exit_code = kExitOk;
  const std::unique_ptr<TextEmbedder> embedder = flags.Open(context, &exit_code);
  if (embedder == nullptr) {
    return exit_code;
  }
  const auto vectors = embedder->Embed(flags.texts);
  if (!vectors.ok()) {
    return flags.Fail(context, vectors.status());
  }
  for (std::size_t i = 0; i < vectors->size(); ++i) {
    if ((*vectors)[i].empty()) {
      return context.Fail(NotFound("the " + std::string(i == 0 ? "first" : "second") +
                                   " text has no vector: too long for " + embedder->identity() +
                                   ", or with what its vocabulary lacks"));
    }
  }
  const float similarity = Cosine(vectors->front(), vectors->back());
  if (context.json) {
    PrintJson(*context.out,
              {{"similarity", ScoreToJson(similarity)}, {"embedder", embedder->identity()}});
  } else {
    *context.out << FormatScore(similarity) << '\n';
  }
  return kExitOk;
}

void AddSimilar(CLI::App* app, CliContext* context) {
  auto flags = std::make_shared<SimilarFlags>();
  CLI::App* command = app->add_subcommand("similar", "Print the cosine of two texts' vectors");
  command->add_option("first", flags->texts[0], "Text")->required();
  command->add_option("second", flags->texts[1], "Text")->required();
  flags->Add(command);
  command->callback([=] { context->run = [=] { return Similar(*context, *flags); }; });
}

}  // namespace

void AddEmbedCommands(CLI::App* app, CliContext* context) {
  AddEmbed(app, context);
  AddSimilar(app, context);
}

}  // namespace nearhit
