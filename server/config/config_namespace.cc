#include "server/config/config_namespace.h"

#include <algorithm>
#include <string>
#include <vector>

#include "nearhit/embedder.h"
#include "nearhit/settings.h"

namespace nearhit::server {
namespace {

// The daemon registers "local" after it has read the file.
std::vector<std::string> KnownKinds() {
  std::vector<std::string> kinds = EmbedderKinds();
  if (std::find(kinds.begin(), kinds.end(), "local") == kinds.end()) {
    kinds.emplace_back("local");
  }
  return kinds;
}

void ReadEmbedder(const toml::table& table, const std::string& source, TomlReader* parent,
                  EmbedderSpec* out) {
  TomlReader reader(table, "namespace.embedder", source);
  reader.OneOf("kind", KnownKinds(), &out->kind);
  reader.String("url", &out->url);
  reader.String("model", &out->model);
  reader.String("api_key_env", &out->api_key_env);
  reader.String("api_key_file", &out->api_key_file);
  std::int64_t timeout_ms = out->timeout.count();
  reader.Int("timeout_ms", 1, 600'000, &timeout_ms);
  out->timeout = std::chrono::milliseconds(timeout_ms);
  reader.Int("max_batch", 1, 2048, &out->max_batch);
  reader.Int("max_retries", 0, 10, &out->max_retries);
  reader.String("prefix", &out->prefix);
  reader.Enum<std::string>("arithmetic", {{"fast", "fast"}, {"float32", "float32"}},
                           &out->arithmetic);
  reader.Enum<std::string>("long_text", {{"refuse", "refuse"}, {"windows", "windows"}},
                           &out->long_text);
  if (out->kind == "http") {
    reader.Required("url");
    reader.Required("model");
  }
  parent->Fail(reader.Finish());
}

// The range depends on the metric, which may be written after the threshold.
void CheckThreshold(const toml::table& table, const NamespaceConfig& config, TomlReader* reader) {
  const toml::node* node = table.get("threshold");
  const float threshold = config.threshold;
  if (config.metric == Metric::kCosine && !(threshold >= -1 && threshold <= 1)) {
    reader->Fail(node, "threshold", "must be in [-1, 1] for metric \"cosine\"");
  }
  if (config.metric == Metric::kL2 && !(threshold > 0 && threshold <= 1)) {
    reader->Fail(node, "threshold", "must be in (0, 1] for metric \"l2\"");
  }
}

}  // namespace

Result<NamedNamespace> ReadNamespace(const toml::table& table, const std::string& source) {
  NamedNamespace out;
  NamespaceConfig& config = out.config;
  config.embedder.kind = "";  // until the file says one
  TomlReader reader(table, "namespace", source);
  reader.Required("name");
  reader.String("name", &out.name);
  reader.Enum<NamespaceKind>(
      "kind", {{"cache", NamespaceKind::kCache}, {"vectors", NamespaceKind::kVectors}},
      &config.kind);
  reader.Int("dimension", 0, std::int64_t{kMaxDimension}, &config.dimension);
  reader.Enum<Metric>(
      "metric", {{"cosine", Metric::kCosine}, {"ip", Metric::kInnerProduct}, {"l2", Metric::kL2}},
      &config.metric);
  ForEachSetting([&](const auto& setting) {
    reader.InRange(setting.name, setting.min, setting.max, &(config.*setting.value));
  });
  reader.Enum<Durability>("durability",
                          {{"async", Durability::kAsync}, {"sync", Durability::kSync}},
                          &config.durability);
  if (const toml::table* embedder = reader.Table("embedder")) {
    ReadEmbedder(*embedder, source, &reader, &config.embedder);
  }
  CheckThreshold(table, config, &reader);
  if (config.max_ttl_ms != 0 && config.default_ttl_ms > config.max_ttl_ms) {
    reader.Fail(table.get("default_ttl_ms"), "default_ttl_ms", "is longer than max_ttl_ms");
  }
  NEARHIT_RETURN_IF_ERROR(reader.Finish());
  return out;
}

}  // namespace nearhit::server
