#include "server/daemon.h"

#include <signal.h>
#include <utility>

#include "nearhit/local_embedder.h"
#include "nearhit/version.h"
#include "server/log.h"
#include "server/model_folder.h"

namespace nearhit::server {
namespace {

// A namespace that is there keeps its configuration, which may have been updated since; only what
// is fixed at creation must agree.
Status EnsureNamespace(Database* db, const NamedNamespace& wanted,
                       const std::string& model_folder) {
  const auto found = db->DescribeNamespace(wanted.name);
  if (found.status().code() == StatusCode::kNotFound) {
    NamespaceConfig config = wanted.config;
    NEARHIT_RETURN_IF_ERROR(CompleteNamespace(model_folder, &config));
    NEARHIT_RETURN_IF_ERROR(db->CreateNamespace(wanted.name, config));
    Log(LogLevel::kInfo, "created namespace " + wanted.name);
    return Status();
  }
  NEARHIT_RETURN_IF_ERROR(found.status());
  const NamespaceConfig& have = found->config;
  const NamespaceConfig& want = wanted.config;
  if (have.kind != want.kind || have.metric != want.metric ||
      (want.dimension != 0 && have.dimension != want.dimension)) {
    return FailedPrecondition("namespace " + wanted.name +
                              " exists with another kind, metric or dimension than configured");
  }
  return Status();
}

// Waits for SIGTERM or SIGINT, which must be blocked in every thread.
void WaitForStopSignal(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
  Log(LogLevel::kInfo, signal == SIGTERM ? "SIGTERM: stopping" : "SIGINT: stopping");
}

}  // namespace

Result<Config> ConfigFromFlags(const DaemonFlags& flags) {
  Config config;
  if (flags.config) {
    NEARHIT_ASSIGN_OR_RETURN(config, LoadConfig(*flags.config));
  }
  if (flags.listen) {
    const Status status = CheckListenAddress(*flags.listen);
    if (!status.ok()) {
      return InvalidArgument("--listen " + std::string(status.message()));
    }
    config.server.listen = *flags.listen;
  }
  if (flags.data) {
    config.storage.path = *flags.data;
  }
  const auto set = [](const char* name, const std::optional<std::size_t>& flag, std::size_t limit,
                      std::size_t* out) {
    *out = flag.value_or(*out);
    return *out <= limit ? Status()
                         : InvalidArgument(std::string(name) + " is " + std::to_string(*out) +
                                           ", not in 0.." + std::to_string(limit));
  };
  NEARHIT_RETURN_IF_ERROR(set("--embedding-threads", flags.embedding_threads,
                              LocalEmbedderOptions::kMaxThreads, &config.embedding.threads));
  NEARHIT_RETURN_IF_ERROR(set("--embedding-memo-bytes", flags.embedding_memo_bytes,
                              LocalEmbedderOptions::kMaxMemoBytes, &config.embedding.memo_bytes));
  if (flags.model_folder) {
    config.model_folder = *flags.model_folder;
  }
  NEARHIT_RETURN_IF_ERROR(ResolveModelFolder(&config));
  return config;
}

Status CheckNamespaces(const Config& config) {
  for (const NamedNamespace& wanted : config.namespaces) {
    NamespaceConfig namespace_config = wanted.config;
    Status status = CompleteNamespace(config.model_folder.value_or(""), &namespace_config);
    if (status.ok()) {
      status = Database::CheckNamespace(wanted.name, namespace_config);
    }
    if (!status.ok()) {
      return InvalidArgument("namespace \"" + wanted.name + "\": " + std::string(status.message()));
    }
  }
  return Status();
}

Result<std::unique_ptr<Daemon>> Daemon::Start(const Config& config) {
  std::unique_ptr<Daemon> daemon(new Daemon());
  NEARHIT_RETURN_IF_ERROR(RegisterLocalEmbedder(config.embedding));
  DatabaseOptions storage = config.storage;
  storage.log = [](LogLevel level, const std::string& message) { Log(level, message); };
  NEARHIT_ASSIGN_OR_RETURN(daemon->db_, Database::Open(storage));
  const std::string model_folder = config.model_folder.value_or("");
  for (const NamedNamespace& wanted : config.namespaces) {
    NEARHIT_RETURN_IF_ERROR(EnsureNamespace(daemon->db_.get(), wanted, model_folder));
  }
  NEARHIT_ASSIGN_OR_RETURN(daemon->server_,
                           Server::Start(daemon->db_.get(), config.server, model_folder));
  return daemon;
}

Status Daemon::Stop() {
  Status status = server_->Shutdown();
  server_.reset();
  db_.reset();
  return status;
}

int RunDaemon(const DaemonFlags& flags) {
  const auto config = ConfigFromFlags(flags);
  if (!config.ok()) {
    Log(LogLevel::kError, config.status().message());
    return kExitConfig;
  }
  if (flags.check_config) {
    const Status checked = CheckNamespaces(*config);
    if (!checked.ok()) {
      Log(LogLevel::kError, checked.message());
    }
    return checked.ok() ? kExitOk : kExitConfig;
  }
  InitLog(config->log);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread started from here on
  signal(SIGPIPE, SIG_IGN);

  auto daemon = Daemon::Start(*config);
  if (!daemon.ok()) {
    Log(LogLevel::kError, daemon.status().ToString());
    // What the configuration asks for is wrong, whatever the state of things is.
    return daemon.status().code() == StatusCode::kInvalidArgument ? kExitConfig : kExitFailure;
  }
  Log(LogLevel::kInfo,
      "nearhitd " NEARHIT_VERSION " listens on " +
          (config->server.listen.empty()
               ? "unix:" + config->server.unix_socket
               : config->server.listen + ", port " + std::to_string((*daemon)->server().port())));
  WaitForStopSignal(signals);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second signal kills
  const Status status = (*daemon)->Stop();
  if (!status.ok()) {
    Log(LogLevel::kError, status.ToString());
    return kExitFailure;
  }
  Log(LogLevel::kInfo, "stopped");
  return kExitOk;
}

}  // namespace nearhit::server
