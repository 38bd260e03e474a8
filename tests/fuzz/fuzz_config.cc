// The TOML configuration. Input: the file.

#include <string>

#include "nearhit/database.h"
#include "server/config/config.h"
#include "server/config/model_folder.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit::server {
namespace {

void Run(std::string_view toml) {
  const Result<Config> config = ParseConfig(toml, "f");
  if (!config.ok()) {
    FUZZ_CHECK(config.status().code() == StatusCode::kInvalidArgument);
    FUZZ_CHECK(config.status().message().starts_with("f:"));
    return;
  }
  // What the file may say is what the library takes, or refuses with a reason.
  const ServerOptions& server = config->server;
  FUZZ_CHECK(server.workers >= 1 && server.workers <= 1024);
  FUZZ_CHECK(server.listen.empty() || CheckListenAddress(server.listen).ok());
  FUZZ_CHECK(config->storage.max_payload_bytes < server.max_message_bytes);
  if (config->namespaces.empty()) {
    return;
  }
  DatabaseOptions options;
  options.in_memory = true;
  options.background_maintenance = false;
  const auto db = Database::Open(options);
  FUZZ_CHECK(db.ok());
  for (const NamedNamespace& one : config->namespaces) {
    NamespaceConfig complete = one.config;
    Status status = CompleteNamespace("", &complete);
    if (status.ok()) {
      status = (*db)->CreateNamespace(one.name, complete);
    }
    const StatusCode code = status.code();
    FUZZ_CHECK(code == StatusCode::kOk || code == StatusCode::kInvalidArgument ||
               code == StatusCode::kFailedPrecondition);
  }
}

}  // namespace
}  // namespace nearhit::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::server::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
