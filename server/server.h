// The gRPC server: listeners, services, health, limits, shutdown. The design of a call is in
// call.h.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <grpcpp/server.h>

#include "nearhit/database.h"
#include "server/call.h"
#include "server/config.h"
#include "server/worker_pool.h"

namespace nearhit::server {

// Thread-safety: thread-safe, except that Shutdown() is called by one thread.
class Server {
 public:
  // Listens and serves at once. `db` must outlive the server. `model_folder` is the model of
  // namespaces that say none; empty for none.
  //
  // Errors: kUnavailable when an address cannot be bound.
  static Result<std::unique_ptr<Server>> Start(Database* db, const ServerOptions& options,
                                               const std::string& model_folder = "");

  // Shutdown(), when it was not called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The port of the TCP listener; 0 without one.
  int port() const { return port_; }

  // Turns every service NOT_SERVING for health checks; calls are still answered.
  void StopServing();

  // StopServing(); refuse new calls; let running ones finish for shutdown_grace_ms, then cancel
  // them; flush the database. Returns the flush's status. Later calls return OK.
  Status Shutdown();

 private:
  struct Services;

  Server(Database* db, const ServerOptions& options, const std::string& model_folder);
  Status Listen();

  const ServerOptions options_;
  WorkerPool pool_;
  ServiceContext context_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<grpc::Server> grpc_;
  int port_ = 0;
  bool shut_down_ = false;
};

}  // namespace nearhit::server
