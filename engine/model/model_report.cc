// InspectModel and DefaultModelFolder of nearhit/local_embedder.h.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include "engine/model/file_hash.h"
#include "engine/model/local_embedder.h"
#include "engine/model/minilm_reference.h"
#include "engine/model/model_config.h"
#include "engine/model/safetensors.h"
#include "engine/model/static_embedder.h"
#include "engine/model/tokenizer.h"
#include "nearhit/local_embedder.h"

namespace nearhit {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kSelfTestTime{60};

// What a model is read from; pooling's settings are in a folder that modules.json names.
constexpr std::array<std::string_view, 8> kFiles = {"config.json",
                                                    "config_sentence_transformers.json",
                                                    kWeightsFile,
                                                    "modules.json",
                                                    "sentence_bert_config.json",
                                                    "tokenizer.json",
                                                    "tokenizer_config.json",
                                                    "vocab.txt"};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Status AddFile(const fs::path& folder, const fs::path& name, std::vector<ModelFile>* files) {
  std::error_code failed;
  if (!fs::is_regular_file(folder / name, failed)) {
    return Status();
  }
  ModelFile file{
      .name = name.string(), .bytes = fs::file_size(folder / name, failed), .sha256 = {}};
  NEARHIT_ASSIGN_OR_RETURN(file.sha256, FileSha256(folder / name));
  files->push_back(std::move(file));
  return Status();
}

Result<std::vector<ModelFile>> FilesOf(const fs::path& folder) {
  std::vector<ModelFile> files;
  for (const std::string_view name : kFiles) {
    NEARHIT_RETURN_IF_ERROR(AddFile(folder, name, &files));
  }
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
    std::error_code ignored;  // what cannot be looked at is no folder
    if (entry.is_directory(ignored)) {
      NEARHIT_RETURN_IF_ERROR(AddFile(folder, entry.path().filename() / "config.json", &files));
    }
  }
  std::ranges::sort(files, {}, &ModelFile::name);
  return files;
}

Status ReadSettings(const fs::path& folder, ModelReport* report) {
  NEARHIT_ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(folder));
  NEARHIT_ASSIGN_OR_RETURN(const std::unique_ptr<const Tokenizer> tokenizer, LoadTokenizer(folder));
  report->vocabulary = tokenizer->vocabulary_size();
  report->max_tokens = config.max_tokens;
  report->normalize = config.normalize;
  report->prefix = config.prefix;
  if (config.kind == ModelConfig::Kind::kStatic) {
    report->kind = "static";
    return Status();
  }
  report->kind = "bert";
  report->layers = config.bert.layers;
  report->heads = config.bert.heads;
  report->intermediate = config.bert.intermediate;
  report->positions = config.bert.positions;
  report->pooling = config.pooling == Pooling::kMean ? "mean" : "cls";
  return Status();
}

Status CountTensors(const fs::path& folder, ModelReport* report) {
  NEARHIT_ASSIGN_OR_RETURN(const std::unique_ptr<Safetensors> weights,
                           Safetensors::Open(folder / kWeightsFile));
  report->tensors = weights->size();
  for (const auto& [name, tensor] : weights->tensors()) {
    std::uint64_t numbers = 1;
    for (const std::size_t size : tensor.shape) {
      numbers *= size;
    }
    report->parameters += numbers;
  }
  return Status();
}

std::uint64_t MemoryOf(const Embedder& embedder) {
  if (const auto* encoder = dynamic_cast<const LocalEmbedder*>(&embedder)) {
    return encoder->memory_bytes();
  }
  const auto* table = dynamic_cast<const StaticEmbedder*>(&embedder);
  return table == nullptr ? 0 : table->memory_bytes();
}

double CosineOf(std::span<const float> vector, std::span<const std::int8_t> reference) {
  double dot = 0;
  double square = 0;
  double reference_square = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const double a = vector[i];
    const double b = reference[i];
    dot += a * b;
    square += a * a;
    reference_square += b * b;
  }
  return square == 0 ? 0 : dot / std::sqrt(square * reference_square);
}

}  // namespace

Result<std::vector<ReferenceCheck>> CompareWith(std::span<const ReferenceVector> references,
                                                const Embedder& embedder) {
  std::vector<std::string_view> texts;
  for (const ReferenceVector& reference : references) {
    if (reference.vector.size() != embedder.dimension()) {
      return InvalidArgument("the model's vectors have " + std::to_string(embedder.dimension()) +
                             " components, those shipped for its weights have " +
                             std::to_string(reference.vector.size()));
    }
    texts.push_back(reference.text);
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> rows,
                           embedder.Embed(texts, std::chrono::steady_clock::now() + kSelfTestTime));
  std::vector<ReferenceCheck> checks;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const auto row = std::span(rows).subspan(i * embedder.dimension(), embedder.dimension());
    checks.push_back(
        {.text = std::string(references[i].text), .cosine = CosineOf(row, references[i].vector)});
  }
  return checks;
}

fs::path DefaultModelFolder() {
  if (std::string named = Variable("NEARHIT_MODEL"); !named.empty()) {
    return named;
  }
  fs::path data = Variable("XDG_DATA_HOME");
  if (data.empty()) {
    const std::string home = Variable("HOME");
    if (home.empty()) {
      return {};
    }
    data = fs::path(home) / ".local" / "share";
  }
  fs::path folder = data / "nearhit" / "models" / "all-MiniLM-L6-v2";
  std::error_code failed;
  return fs::exists(folder / "config.json", failed) ? folder : fs::path();
}

Result<ModelReport> InspectModel(const fs::path& folder) {
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) {
    return NotFound("the model folder is not there, or is no folder");
  }
  ModelReport report;
  NEARHIT_RETURN_IF_ERROR(ReadSettings(folder, &report));
  const auto began = std::chrono::steady_clock::now();
  NEARHIT_ASSIGN_OR_RETURN(const std::shared_ptr<const Embedder> embedder,
                           LocalEmbedder::Load(folder));
  report.load_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  report.identity = embedder->identity();
  report.dimension = embedder->dimension();
  report.memory_bytes = MemoryOf(*embedder);
  NEARHIT_RETURN_IF_ERROR(CountTensors(folder, &report));
  NEARHIT_ASSIGN_OR_RETURN(report.files, FilesOf(folder));
  const auto weights = std::ranges::find(report.files, kWeightsFile, &ModelFile::name);
  if (weights != report.files.end()) {
    NEARHIT_ASSIGN_OR_RETURN(report.references,
                             CompareWith(ReferencesOf(weights->sha256), *embedder));
  }
  return report;
}

}  // namespace nearhit
