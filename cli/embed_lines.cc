#include "cli/embed_lines.h"

#include <string>
#include <utility>
#include <vector>

namespace nearhit {
namespace {

constexpr std::size_t kTextLines = 256;
constexpr std::size_t kTextBytes = std::size_t{1} << 20;  // and one line more

// Lines that are embedded together; blank ones have a place but no text.
struct Batch {
  std::vector<std::string> texts;
  std::vector<bool> has_text;
  std::size_t bytes = 0;
};

Status TakeBatch(const TextEmbedder& embedder, Batch* batch,
                 const std::function<void(std::span<const float>)>& take,
                 EmbedLinesSummary* summary) {
  std::vector<std::vector<float>> vectors;
  if (!batch->texts.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(vectors, embedder.Embed(batch->texts));
  }
  const std::vector<float> none;
  auto next = vectors.begin();
  for (const bool has_text : batch->has_text) {
    const std::vector<float>& vector = has_text ? *next++ : none;
    take(vector);
    ++summary->lines;
    summary->without_vector += vector.empty() ? 1 : 0;
  }
  *batch = Batch();
  return Status();
}

}  // namespace

Status EmbedLines(const TextEmbedder& embedder, LineReader* lines,
                  const std::function<void(std::span<const float>)>& take,
                  EmbedLinesSummary* summary) {
  Batch batch;
  std::string line;
  for (;;) {
    const Result<bool> more = lines->Next(&line);
    if (more.ok() && !*more) {
      return TakeBatch(embedder, &batch, take, summary);
    }
    const bool has_text = line.find_first_not_of(" \t") != std::string::npos;
    const Status status = !more.ok() ? more.status() : has_text ? CheckText(line) : Status();
    if (!status.ok()) {
      summary->input_error = true;
      return Status(status.code(), "line " + std::to_string(lines->line_number()) + ": " +
                                       std::string(status.message()));
    }
    batch.has_text.push_back(has_text);
    if (has_text) {
      batch.bytes += line.size();
      batch.texts.push_back(std::move(line));
    }
    if (batch.has_text.size() >= kTextLines || batch.bytes >= kTextBytes) {
      NEARHIT_RETURN_IF_ERROR(TakeBatch(embedder, &batch, take, summary));
    }
  }
}

}  // namespace nearhit
