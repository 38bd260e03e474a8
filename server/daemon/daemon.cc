#include "server/daemon/daemon.h"

#include <chrono>
#include <cstdlib>
#include <future>
#include <signal.h>
#include <sys/resource.h>
#include <thread>
#include <tuple>
#include <utility>

#include <google/protobuf/stubs/logging.h>

#include "nearhit/local_embedder.h"
#include "nearhit/version.h"
#include "server/config/model_folder.h"
#include "server/daemon/gateway_setup.h"
#include "server/daemon/log.h"
#include "server/gateway/secret.h"

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

// Below this many descriptors some hundred connections are all that storage leaves room for.
constexpr rlim_t kFewFiles = 1'024;

// The sections of the configuration that are not what they were, each with a blank before it.
std::string ChangedSections(const Config& before, const Config& after) {
  const DatabaseOptions& old_storage = before.storage;
  const DatabaseOptions& new_storage = after.storage;
  const auto of = [](const DatabaseOptions& options) {
    return std::tuple(options.path, options.in_memory, options.block_cache_bytes,
                      options.max_payload_bytes, options.maintenance_interval_ms);
  };
  std::string changed;
  changed += before.server == after.server ? "" : " [server]";
  changed += before.gateway == after.gateway ? "" : " [gateway]";
  changed += of(old_storage) == of(new_storage) && before.backup_dir == after.backup_dir
                 ? ""
                 : " [storage]";
  changed += before.embedding.threads == after.embedding.threads &&
                     before.embedding.memo_bytes == after.embedding.memo_bytes &&
                     before.model_folder == after.model_folder
                 ? ""
                 : " [embedding]";
  return changed;
}

// In the data directory.
constexpr const char* kSecretFile = "gateway-secret";

// How often what has to be looked after is.
constexpr timespec kHouseTick{.tv_sec = 1, .tv_nsec = 0};
constexpr int kTicksBetweenChecks = 5;
constexpr int kTicksBetweenLooks = 10;  // at the gateway's certificate
constexpr std::chrono::milliseconds kListenerPatience{1'500};
// In a row, until a listener counts as dead rather than slow.
constexpr int kChecksThatTell = 3;

// The signals that the main thread waits for; blocked in every thread.
sigset_t WaitedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

bool IsStop(int signal) {
  return signal == SIGTERM || signal == SIGINT;
}

std::string StopLine(int signal) {
  return signal == SIGTERM ? "SIGTERM: stopping" : "SIGINT: stopping";
}

}  // namespace

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return;
  }
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return;
  }
  Log(limit.rlim_cur < kFewFiles ? LogLevel::kWarning : LogLevel::kInfo,
      "files and connections: at most " + std::to_string(limit.rlim_cur) + " at a time" +
          (limit.rlim_cur < kFewFiles ? "; storage alone may have 512 open" : ""));
}

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
  NEARHIT_RETURN_IF_ERROR(SetGateway(flags, &config.gateway));
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
  std::unique_ptr<Daemon> daemon(new Daemon(config));
  NEARHIT_RETURN_IF_ERROR(RegisterLocalEmbedder(config.embedding));
  DatabaseOptions storage = config.storage;
  storage.log = [](LogLevel level, const std::string& message) { Log(level, message); };
  NEARHIT_ASSIGN_OR_RETURN(daemon->db_, Database::Open(storage));
  const std::string model_folder = config.model_folder.value_or("");
  for (const NamedNamespace& wanted : config.namespaces) {
    NEARHIT_RETURN_IF_ERROR(EnsureNamespace(daemon->db_.get(), wanted, model_folder));
  }
  NEARHIT_ASSIGN_OR_RETURN(daemon->gateway_tls_, OpenGatewayTls(config.gateway));
  NEARHIT_RETURN_IF_ERROR(daemon->Serve());
  NEARHIT_RETURN_IF_ERROR(daemon->StartGateway());
  return daemon;
}

Status Daemon::StartGateway() {
  if (config_.gateway.listen.empty()) {
    return Status();
  }
  std::string secret = NewSecret();
  if (!config_.storage.in_memory) {
    NEARHIT_ASSIGN_OR_RETURN(secret, LoadOrMakeSecret(config_.storage.path / kSecretFile));
  }
  NEARHIT_ASSIGN_OR_RETURN(
      gateway_, Gateway::Start(core_.get(), config_.gateway, std::move(secret), gateway_tls_));
  return Status();
}

Status Daemon::Serve() {
  BackupPlace backups{.directory = config_.backup_dir};
  if (!config_.storage.in_memory) {
    backups.extra = config_.storage.path / kSecretFile;
  }
  core_ = std::make_unique<ServiceCore>(db_.get(), config_.server,
                                        config_.model_folder.value_or(""), std::move(backups));
  NEARHIT_ASSIGN_OR_RETURN(server_, Server::Start(core_.get(), config_.server));
  return Status();
}

Status Daemon::ListenAnew() {
  ServerOptions& options = config_.server;
  if (server_->port() > 0) {  // and not any other free one
    options.listen =
        options.listen.substr(0, options.listen.rfind(':') + 1) + std::to_string(server_->port());
  }
  if (gateway_ != nullptr) {
    std::string& listen = config_.gateway.listen;
    listen = listen.substr(0, listen.rfind(':') + 1) + std::to_string(gateway_->port());
    gateway_.reset();  // it uses the core, which is made anew
  }
  const Status stopped = server_->MakeRoom();
  server_.reset();
  NEARHIT_RETURN_IF_ERROR(Serve());
  NEARHIT_RETURN_IF_ERROR(StartGateway());
  if (!stopped.ok()) {
    Log(LogLevel::kWarning, "flushing failed: " + stopped.ToString());
  }
  return Status();
}

void Daemon::Reload(const Result<Config>& loaded) {
  Status status = loaded.status();
  if (status.ok()) {
    status = InitLog(loaded->log);
  }
  const std::string model_folder = config_.model_folder.value_or("");
  for (std::size_t i = 0; status.ok() && i < loaded->namespaces.size(); ++i) {
    status = EnsureNamespace(db_.get(), loaded->namespaces[i], model_folder);
  }
  if (!status.ok()) {
    Log(LogLevel::kError, "SIGHUP: not reloaded: " + std::string(status.message()));
    return;
  }
  config_.log = loaded->log;
  const std::string changed = ChangedSections(config_, *loaded);
  Log(changed.empty() ? LogLevel::kInfo : LogLevel::kWarning,
      "SIGHUP: the log is opened anew, its settings and new namespaces are in force" +
          (changed.empty() ? std::string()
                           : "; a restart is needed for what changed in" + changed));
}

void Daemon::LookAtCertificate() {
  if (gateway_tls_ != nullptr) {
    LookAtGatewayTls(gateway_tls_.get());
  }
}

Status Daemon::Stop() {
  if (gateway_ != nullptr) {
    gateway_->Shutdown(std::chrono::milliseconds(config_.server.shutdown_grace_ms));
  }
  Status status = server_ == nullptr ? Status() : server_->Shutdown();
  server_.reset();
  gateway_.reset();
  core_.reset();
  db_.reset();
  return status;
}

namespace {

// Starts on a thread of its own, so that a signal to stop need not wait for the end of the start,
// which may have a large index to build.
//
// Errors: kCancelled when such a signal came first; the start goes on then.
Result<std::unique_ptr<Daemon>> StartUnlessStopped(const Config& config, const sigset_t& signals) {
  using Started = Result<std::unique_ptr<Daemon>>;
  auto started = std::make_shared<std::promise<Started>>();
  std::future<Started> future = started->get_future();
  std::thread([started, config] { started->set_value(Daemon::Start(config)); }).detach();
  constexpr timespec kTick{.tv_sec = 0, .tv_nsec = 10'000'000};
  while (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    if (const int signal = sigtimedwait(&signals, nullptr, &kTick); IsStop(signal)) {
      return Status(StatusCode::kCancelled, StopLine(signal) + " before the end of the start");
    }
  }
  return future.get();
}

// Until a signal to stop. Errors: that of listening anew, when new connections were not taken.
Status Serve(const DaemonFlags& flags, const sigset_t& signals, Daemon* daemon) {
  int failed_checks = 0;
  for (int tick = 1;; ++tick) {
    const int signal = sigtimedwait(&signals, nullptr, &kHouseTick);
    if (IsStop(signal)) {
      Log(LogLevel::kInfo, StopLine(signal));
      return Status();
    }
    if (signal == SIGHUP) {
      daemon->Reload(ConfigFromFlags(flags));
    }
    if (signal == SIGHUP || tick % kTicksBetweenLooks == 0) {
      daemon->LookAtCertificate();
    }
    daemon->core().KeepHouse();
    if (tick % kTicksBetweenChecks == 0 || failed_checks > 0) {
      const Status checked = daemon->server().CheckListeners(kListenerPatience);
      failed_checks = checked.code() == StatusCode::kUnavailable ? failed_checks + 1 : 0;
      if (failed_checks == kChecksThatTell) {
        Log(LogLevel::kError, "new connections are not accepted; listening anew");
        NEARHIT_RETURN_IF_ERROR(daemon->ListenAnew());
        failed_checks = 0;
      }
    }
  }
}

}  // namespace

int RunDaemon(const DaemonFlags& flags) {
  const auto config = ConfigFromFlags(flags);
  if (!config.ok()) {
    Log(LogLevel::kError, config.status().message());
    return kExitConfig;
  }
  if (flags.check_config) {
    Status checked = CheckNamespaces(*config);
    if (checked.ok()) {
      checked = OpenGatewayTls(config->gateway).status();
    }
    if (!checked.ok()) {
      Log(LogLevel::kError, checked.message());
    }
    return checked.ok() ? kExitOk : kExitConfig;
  }
  if (const Status opened = InitLog(config->log); !opened.ok()) {
    Log(LogLevel::kError, opened.message());
    return kExitFailure;
  }
  google::protobuf::SetLogHandler(nullptr);  // answers say what is wrong with a message
  const sigset_t signals = WaitedSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread started from here on
  signal(SIGPIPE, SIG_IGN);
  RaiseFileLimit();

  auto daemon = StartUnlessStopped(*config, signals);
  if (!daemon.ok()) {
    if (daemon.status().code() == StatusCode::kCancelled) {
      Log(LogLevel::kInfo, daemon.status().message());
      // The start goes on until the process ends, which is now. Nothing that is stored gets lost: a
      // start only recovers, and the next one does that again.
      std::_Exit(kExitOk);
    }
    Log(LogLevel::kError, daemon.status().ToString());
    // What the configuration asks for is wrong, whatever the state of things is.
    return daemon.status().code() == StatusCode::kInvalidArgument ? kExitConfig : kExitFailure;
  }
  Log(LogLevel::kInfo,
      "nearhitd " NEARHIT_VERSION " listens on " +
          (config->server.listen.empty()
               ? "unix:" + config->server.unix_socket
               : config->server.listen + ", port " + std::to_string((*daemon)->server().port())));
  if (Gateway* const gateway = (*daemon)->gateway()) {
    AnnounceGateway(config->gateway, gateway->port());
  }
  const Status served = Serve(flags, signals, daemon->get());
  sigset_t stopping = signals;
  sigdelset(&stopping, SIGHUP);
  pthread_sigmask(SIG_UNBLOCK, &stopping, nullptr);  // a second signal kills
  const Status stopped = (*daemon)->Stop();
  const Status status = served.ok() ? stopped : served;
  stopped.IgnoreError();
  if (!status.ok()) {
    Log(LogLevel::kError, status.ToString());
    return kExitFailure;
  }
  Log(LogLevel::kInfo, "stopped");
  return kExitOk;
}

}  // namespace nearhit::server
