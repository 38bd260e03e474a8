// nearhitd: flags, then RunDaemon. Nothing else lives here, because tests do not link it.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "nearhit/version.h"
#include "server/daemon/daemon.h"

namespace {

int Run(int argc, char** argv) {
  nearhit::server::DaemonFlags flags;
  CLI::App app("nearhitd: semantic cache and vector store, over gRPC and as an HTTP gateway");
  app.add_option("--config", flags.config, "TOML configuration file; defaults need none");
  app.add_option("--listen", flags.listen, "host:port, instead of the file's server.listen");
  app.add_option("--upstream", flags.upstreams,
                 "URL of a provider: serves its HTTP interface from the cache, on --http-listen");
  app.add_option("--http-listen", flags.http_listen,
                 "host:port of the HTTP gateway, 127.0.0.1:7780 unless said; instead of the file's "
                 "gateway.listen");
  app.add_option("--http-tls-certificate", flags.http_tls_certificate,
                 "PEM file: certificate chain of the HTTP gateway, instead of the file's "
                 "gateway.tls_certificate");
  app.add_option("--http-tls-key", flags.http_tls_key,
                 "PEM file: its key, instead of the file's gateway.tls_key");
  app.add_option("--http-tls-client-ca", flags.http_tls_client_ca,
                 "PEM file: clients need a certificate of one of these, instead of the file's "
                 "gateway.tls_client_ca");
  app.add_option("--data", flags.data, "data directory, instead of the file's storage.path");
  app.add_option("--model-folder", flags.model_folder,
                 "Model of namespaces that say no embedder, instead of the file's "
                 "embedding.model_folder; \"\": none");
  app.add_option("--embedding-threads", flags.embedding_threads,
                 "Threads of local embedders, instead of the file's embedding.threads");
  app.add_option("--embedding-memo-bytes", flags.embedding_memo_bytes,
                 "Vectors of recent texts, instead of the file's embedding.memo_bytes");
  app.add_flag("--check-config", flags.check_config, "check the configuration and exit");
  app.set_version_flag("--version", "nearhitd " NEARHIT_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? nearhit::server::kExitOk : nearhit::server::kExitConfig;
  }
  return nearhit::server::RunDaemon(flags);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nearhitd: %s\n", error.what());
    return 1;
  }
}
