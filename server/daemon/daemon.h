// nearhitd as a whole: database, namespaces, server, and the wait for a signal.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/config/config.h"
#include "server/gateway/gateway.h"
#include "server/grpc/server.h"
#include "server/http/tls_source.h"

namespace nearhit::server {

// What the command line says; it goes before the file.
struct DaemonFlags {
  std::optional<std::filesystem::path> config;
  std::optional<std::string> listen;
  std::optional<std::string> http_listen;
  std::vector<std::string> upstreams;
  std::optional<std::string> http_tls_certificate;
  std::optional<std::string> http_tls_key;
  std::optional<std::string> http_tls_client_ca;
  std::optional<std::filesystem::path> data;
  std::optional<std::string> model_folder;
  std::optional<std::size_t> embedding_threads;
  std::optional<std::size_t> embedding_memo_bytes;
  bool check_config = false;
};

// Exit codes of nearhitd.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;  // could not start, or could not flush at the end
inline constexpr int kExitConfig = 2;   // bad flags or configuration

// Errors: those of LoadConfig; kInvalidArgument for a flag, by name.
Result<Config> ConfigFromFlags(const DaemonFlags& flags);
// What making its namespaces would refuse, as far as that can be said before anything is opened.
Status CheckNamespaces(const Config& config);

// Thread-safety: owned by one thread.
class Daemon {
 public:
  // Opens the database with the models of its namespaces, creates missing namespaces, listens: whom
  // it answers, and whoever reads its health, finds everything loaded.
  //
  // Errors: those of Database::Open, Database::CreateNamespace, TlsSource::Create, Server::Start
  // and Gateway::Start.
  static Result<std::unique_ptr<Daemon>> Start(const Config& config);

  Database& database() { return *db_; }
  ServiceCore& core() { return *core_; }
  Server& server() { return *server_; }
  Gateway* gateway() { return gateway_.get(); }  // null: none is configured

  // Does what Shutdown() and Start() of the server do, with the database open meanwhile.
  //
  // Errors: those of Server::Start; only Stop() is left then.
  Status ListenAnew();

  // Takes over what may change while it runs: log settings (the log is opened anew in any case) and
  // namespaces that are missing. Says in the log what it did not, and why.
  void Reload(const Result<Config>& loaded);

  // Takes the certificate of the gateway anew when its files have changed. The log says so.
  void LookAtCertificate();

  // Graceful stop: drains the server, flushes, writes snapshots, closes.
  Status Stop();

 private:
  explicit Daemon(const Config& config) : config_(config) {}
  Status Serve();
  Status StartGateway();

  Config config_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<ServiceCore> core_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<TlsSource> gateway_tls_;  // null: the gateway has no TLS
  std::unique_ptr<Gateway> gateway_;        // null: none is configured
};

// Lets the process open as many files as it may, and says how many. A shell gives 1,024 often.
void RaiseFileLimit();

// Runs until SIGTERM or SIGINT; a second one while stopping ends the process at once, as does one
// during the start. SIGHUP reloads. Returns the exit code. Call from the main thread, before any
// other is started.
int RunDaemon(const DaemonFlags& flags);

}  // namespace nearhit::server
