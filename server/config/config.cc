#include "server/config/config.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <utility>

#include <toml++/toml.h>

#include "server/config/config_gateway.h"
#include "server/config/config_namespace.h"
#include "server/config/toml_reader.h"

namespace nearhit::server {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
// Longest path of a Unix socket (sockaddr_un), terminator included.
constexpr std::size_t kMaxSocketPath = 108;

void ReadServer(const toml::table& table, const std::string& source, TomlReader* parent,
                ServerOptions* out) {
  TomlReader reader(table, "server", source);
  reader.String("listen", &out->listen);
  if (!out->listen.empty()) {
    const Status status = CheckListenAddress(out->listen);
    if (!status.ok()) {
      reader.Fail(table.get("listen"), "listen", status.message());
    }
  }
  reader.String("unix_socket", &out->unix_socket);
  if (out->unix_socket.size() >= kMaxSocketPath) {
    reader.Fail(table.get("unix_socket"), "unix_socket", "must be shorter than 108 bytes");
  }
  if (out->listen.empty() && out->unix_socket.empty()) {
    reader.Fail(table.get("listen"), "listen", "and server.unix_socket cannot both be empty");
  }
  reader.Int("workers", 1, 1024, &out->workers);
  reader.Int("max_queue", 1, 1'000'000, &out->max_queue);
  reader.Int("max_message_bytes", kMiB / 16, 512 * kMiB, &out->max_message_bytes);
  reader.Int("max_concurrent_streams", 1, 100'000, &out->max_concurrent_streams);
  reader.Int("memory_quota_bytes", 64 * kMiB, kMiB * 1024 * 1024, &out->memory_quota_bytes);
  reader.Bool("reflection", &out->reflection);
  reader.Bool("allow_embedder_keys", &out->allow_embedder_keys);
  reader.Int("shutdown_grace_ms", 0, 600'000, &out->shutdown_grace_ms);
  parent->Fail(reader.Finish());
}

void ReadStorage(const toml::table& table, const std::string& source, TomlReader* parent,
                 Config* config) {
  TomlReader reader(table, "storage", source);
  DatabaseOptions* const out = &config->storage;
  std::string path = out->path.string();
  reader.String("path", &path);
  if (path.empty()) {
    reader.Fail(table.get("path"), "path", "must not be empty");
  }
  out->path = path;
  reader.Bool("in_memory", &out->in_memory);
  reader.Int("block_cache_bytes", kMiB, kMiB * 1024 * 1024, &out->block_cache_bytes);
  reader.Int("max_payload_bytes", 1024, 64 * kMiB, &out->max_payload_bytes);
  reader.Int("maintenance_interval_ms", 10, 3'600'000, &out->maintenance_interval_ms);
  reader.String("backup_dir", &config->backup_dir);
  parent->Fail(reader.Finish());
}

void ReadEmbedding(const toml::table& table, const std::string& source, TomlReader* parent,
                   Config* out) {
  TomlReader reader(table, "embedding", source);
  LocalEmbedderOptions& options = out->embedding;
  reader.Int("threads", 0, std::int64_t{LocalEmbedderOptions::kMaxThreads}, &options.threads);
  reader.Int("memo_bytes", 0, std::int64_t{LocalEmbedderOptions::kMaxMemoBytes},
             &options.memo_bytes);
  std::string model_folder;
  reader.String("model_folder", &model_folder);
  if (table.contains("model_folder")) {
    out->model_folder = std::move(model_folder);
  }
  parent->Fail(reader.Finish());
}

void ReadLog(const toml::table& table, const std::string& source, TomlReader* parent,
             LogOptions* out) {
  TomlReader reader(table, "log", source);
  reader.Enum<std::string>("level",
                           {{"debug", "debug"},
                            {"info", "info"},
                            {"warning", "warning"},
                            {"error", "error"},
                            {"off", "off"}},
                           &out->level);
  reader.Enum<LogFormat>("format", {{"text", LogFormat::kText}, {"json", LogFormat::kJson}},
                         &out->format);
  reader.String("file", &out->file);
  parent->Fail(reader.Finish());
}

void ReadNamespaces(const std::vector<const toml::table*>& tables, const std::string& source,
                    TomlReader* parent, std::vector<NamedNamespace>* out) {
  for (const toml::table* table : tables) {
    auto one = ReadNamespace(*table, source);
    if (!one.ok()) {
      parent->Fail(one.status());
      return;
    }
    const auto same = [&one](const NamedNamespace& other) { return other.name == one->name; };
    if (std::ranges::any_of(*out, same)) {
      parent->Fail(table, "namespace.name", "is used twice");
      return;
    }
    out->push_back(*std::move(one));
  }
}

Result<Config> FromTable(const toml::table& table, const std::string& source) {
  Config config;
  TomlReader root(table, "", source);
  if (const toml::table* section = root.Table("server")) {
    ReadServer(*section, source, &root, &config.server);
  }
  if (const toml::table* section = root.Table("gateway")) {
    auto gateway = ReadGateway(*section, source);
    root.Fail(gateway.status());
    config.gateway = gateway.ok() ? *std::move(gateway) : GatewayOptions();
  }
  if (const toml::table* section = root.Table("judge")) {
    auto judge = ReadJudge(*section, source);
    root.Fail(judge.status());
    config.gateway.judge = judge.ok() ? *std::move(judge) : JudgeOptions();
  }
  if (const toml::table* section = root.Table("storage")) {
    ReadStorage(*section, source, &root, &config);
  }
  if (const toml::table* section = root.Table("embedding")) {
    ReadEmbedding(*section, source, &root, &config);
  }
  if (const toml::table* section = root.Table("log")) {
    ReadLog(*section, source, &root, &config.log);
  }
  ReadNamespaces(root.Tables("namespace"), source, &root, &config.namespaces);
  NEARHIT_RETURN_IF_ERROR(root.Finish());
  if (config.storage.max_payload_bytes >= config.server.max_message_bytes) {
    return InvalidArgument(source + ": storage.max_payload_bytes is " +
                           std::to_string(config.storage.max_payload_bytes) +
                           "; it must be less than server.max_message_bytes, " +
                           std::to_string(config.server.max_message_bytes));
  }
  return config;
}

// toml++ goes a call deeper for each part of a dotted key.
Status CheckDots(std::string_view toml, const std::string& source) {
  constexpr std::ptrdiff_t kMostDots = 1'000;
  std::size_t number = 1;
  for (; !toml.empty(); ++number) {
    const std::string_view line = toml.substr(0, toml.find('\n'));
    toml.remove_prefix(std::min(line.size() + 1, toml.size()));
    if (const auto dots = std::count(line.begin(), line.end(), '.'); dots > kMostDots) {
      return InvalidArgument(source + ":" + std::to_string(number) + ": the line has " +
                             std::to_string(dots) + " dots, the limit is " +
                             std::to_string(kMostDots));
    }
  }
  return Status();
}

}  // namespace

Status CheckListenAddress(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  const std::string_view host = address.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (colon == std::string_view::npos || host.empty() ||
      (!bracketed && host.find(':') != std::string_view::npos)) {
    return InvalidArgument("must be \"host:port\" or \"[IPv6 address]:port\"");
  }
  const std::string_view digits = address.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return InvalidArgument("must end in a port from 0 to 65535");
  }
  return Status();
}

Result<Config> ParseConfig(std::string_view toml, const std::string& source) {
  NEARHIT_RETURN_IF_ERROR(CheckDots(toml, source));
  try {
    const toml::table table = toml::parse(toml);
    return FromTable(table, source);
  } catch (const toml::parse_error& error) {
    return InvalidArgument(source + ":" + std::to_string(error.source().begin.line) + ": " +
                           std::string(error.description()));
  }
}

Result<Config> LoadConfig(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    return NotFound("cannot read the configuration file " + path.string());
  }
  return ParseConfig(text, path.string());
}

}  // namespace nearhit::server
