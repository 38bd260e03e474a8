// Configuration of nearhitd: a TOML file, or nothing at all. The reference is docs/operations.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/local_embedder.h"
#include "nearhit/options.h"
#include "nearhit/result.h"
#include "server/config/gateway_options.h"

namespace nearhit::server {

enum class LogFormat : std::uint8_t { kText, kJson };

struct LogOptions {
  std::string level = "info";  // debug, info, warning, error, off
  LogFormat format = LogFormat::kText;
  std::string file;  // appended to; empty: standard error
};

struct ServerOptions {
  std::string listen = "127.0.0.1:7700";  // host:port; empty: no TCP. Port 0: any free port
  std::string unix_socket;                // path; empty: none
  std::uint32_t workers = 8;              // threads for what must wait
  std::uint32_t max_queue = 1024;         // calls that wait for a worker, of each lane
  std::uint32_t max_message_bytes = 32U << 20;
  std::uint32_t max_concurrent_streams = 256;                 // calls at once on one connection
  std::uint64_t memory_quota_bytes = std::uint64_t{1} << 30;  // gRPC's own buffers
  bool reflection = false;
  bool allow_embedder_keys = false;  // let callers name api_key_env and api_key_file
  std::uint32_t shutdown_grace_ms = 10'000;

  friend bool operator==(const ServerOptions&, const ServerOptions&) = default;
};

struct NamedNamespace {
  std::string name;
  NamespaceConfig config;  // an embedder of kind "" says nothing (server/config/model_folder.h)
};

struct Config {
  ServerOptions server;
  GatewayOptions gateway;
  DatabaseOptions storage;  // path, in_memory, block_cache_bytes, max_payload_bytes, interval
  std::string backup_dir;   // [storage] backup_dir: where callers may make backups; empty: nowhere
  LocalEmbedderOptions embedding;
  // [embedding] model_folder: the model of namespaces that say none (server/config/model_folder.h).
  // Unset: it is looked for. Empty: there is none.
  std::optional<std::string> model_folder;
  LogOptions log;
  std::vector<NamedNamespace> namespaces;  // created at the start when missing

  Config() { storage.path = "./nearhit-data"; }
};

// Errors: kInvalidArgument with "source:line: " in front, naming the key, its value and its range;
// an unknown key is an error that suggests the nearest known one.
Result<Config> ParseConfig(std::string_view toml, const std::string& source);

// Errors: kNotFound when the file cannot be read; otherwise as ParseConfig.
Result<Config> LoadConfig(const std::filesystem::path& path);

// "host:port" or "[v6]:port". Errors: kInvalidArgument.
Status CheckListenAddress(std::string_view address);

}  // namespace nearhit::server
