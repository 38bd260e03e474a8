// nearhit-encode: times a BERT encoder on token ids. bench/peers/embedding_peers.py writes the ids
// that it reads, and runs it beside other encoders. Prints one JSON object.
#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/model/bert_encoder.h"
#include "engine/model/model_config.h"
#include "engine/model/safetensors.h"

namespace nearhit {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kWarmUp = 3;  // calls

struct Settings {
  std::string model;
  std::string ids;
  std::string out;
  std::string arithmetic = "fast";
  std::string mode = "latency";
  std::size_t threads = 1;
  std::size_t calls = 200;
  std::size_t batch = 512;
};

template <typename T>
Result<std::vector<T>> ReadRaw(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code failed;
  const std::uintmax_t bytes = std::filesystem::file_size(path, failed);
  if (!file || failed) {
    return NotFound("cannot read " + path);
  }
  std::vector<T> values(bytes / sizeof(T));
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(T)));
  return values;
}

Result<std::unique_ptr<BertEncoder>> LoadEncoder(const Settings& settings) {
  const std::filesystem::path folder = settings.model;
  NEARHIT_ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(folder));
  NEARHIT_ASSIGN_OR_RETURN(const std::unique_ptr<Safetensors> weights,
                           Safetensors::Open(folder / kWeightsFile));
  EncoderOptions options;
  options.threads = settings.threads;
  options.pooling = config.pooling;
  options.arithmetic = settings.arithmetic == "float32" ? Arithmetic::kFloat32 : Arithmetic::kFast;
  return BertEncoder::Load(config.bert, options,
                           [&](std::string_view name, std::span<const std::size_t> shape) {
                             return weights->ReadFloats(name, shape);
                           });
}

Result<nlohmann::json> Latency(const Settings& settings, const BertEncoder& encoder,
                               const std::vector<std::int32_t>& ids) {
  const std::uint32_t length[] = {static_cast<std::uint32_t>(ids.size())};
  std::vector<float> out(encoder.dimension());
  std::vector<double> times;
  for (std::size_t call = 0; call < kWarmUp + settings.calls; ++call) {
    const auto began = Clock::now();
    NEARHIT_RETURN_IF_ERROR(encoder.Encode(ids, length, Clock::time_point::max(), out));
    if (call >= kWarmUp) {
      times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
    }
  }
  std::sort(times.begin(), times.end());
  return nlohmann::json{{"p50_ms", times[times.size() / 2]}, {"min_ms", times.front()}};
}

Result<nlohmann::json> Bulk(const Settings& settings, const BertEncoder& encoder,
                            const std::vector<std::int32_t>& ids,
                            const std::vector<std::uint32_t>& lengths) {
  std::vector<float> out(lengths.size() * encoder.dimension());
  const auto began = Clock::now();
  std::size_t at = 0;
  for (std::size_t first = 0; first < lengths.size(); first += settings.batch) {
    const std::size_t texts = std::min(settings.batch, lengths.size() - first);
    std::size_t tokens = 0;
    for (std::size_t text = first; text < first + texts; ++text) {
      tokens += lengths[text];
    }
    NEARHIT_RETURN_IF_ERROR(encoder.Encode(
        std::span(ids).subspan(at, tokens), std::span(lengths).subspan(first, texts),
        Clock::time_point::max(),
        std::span(out).subspan(first * encoder.dimension(), texts * encoder.dimension())));
    at += tokens;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  if (!settings.out.empty()) {
    std::ofstream(settings.out, std::ios::binary)
        .write(reinterpret_cast<const char*>(out.data()),
               static_cast<std::streamsize>(out.size() * sizeof(float)));
  }
  return nlohmann::json{{"texts_per_s", static_cast<double>(lengths.size()) / seconds}};
}

Result<nlohmann::json> Run(const Settings& settings) {
  const auto began = Clock::now();
  NEARHIT_ASSIGN_OR_RETURN(const auto encoder, LoadEncoder(settings));
  const double load_ms = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  NEARHIT_ASSIGN_OR_RETURN(const auto ids, ReadRaw<std::int32_t>(settings.ids + ".ids"));
  NEARHIT_ASSIGN_OR_RETURN(const auto lengths, ReadRaw<std::uint32_t>(settings.ids + ".lengths"));
  NEARHIT_ASSIGN_OR_RETURN(nlohmann::json result, settings.mode == "bulk"
                                                      ? Bulk(settings, *encoder, ids, lengths)
                                                      : Latency(settings, *encoder, ids));
  result["kernels"] = BestEncoderKernels().name;
  result["load_ms"] = load_ms;
  result["memory_bytes"] = encoder->memory_bytes();
  return result;
}

int Main(int argc, char** argv) {
  Settings settings;
  CLI::App app("times a BERT encoder on token ids");
  app.add_option("--model", settings.model, "folder of raw tensors and a file \"shape\"")
      ->required();
  app.add_option("--ids", settings.ids, "files IDS.ids and IDS.lengths")->required();
  app.add_option("--out", settings.out, "bulk: where to write the vectors as float32");
  app.add_option("--arithmetic", settings.arithmetic)->check(CLI::IsMember({"float32", "fast"}));
  app.add_option("--mode", settings.mode)->check(CLI::IsMember({"latency", "bulk"}));
  app.add_option("--threads", settings.threads);
  app.add_option("--calls", settings.calls, "latency: how many")->check(CLI::PositiveNumber);
  app.add_option("--batch", settings.batch, "bulk: texts of a call")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const Result<nlohmann::json> result = Run(settings);
  if (!result.ok()) {
    std::cerr << result.status().ToString() << "\n";
    return 1;
  }
  std::cout << *result << "\n";
  return 0;
}

}  // namespace
}  // namespace nearhit

int main(int argc, char** argv) {
  try {
    return nearhit::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "nearhit-encode: " << error.what() << "\n";
    return 1;
  }
}
