// The gRPC server: listeners, services, health, limits, shutdown. The design of a call is in
// call.h.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <grpcpp/server.h>

#include "base/descriptor.h"
#include "nearhit/result.h"
#include "server/config/config.h"
#include "server/core/service_core.h"
#include "server/core/stream_set.h"

namespace nearhit::server {

// Thread-safety: thread-safe, except that Shutdown() is called by one thread.
class Server {
 public:
  // Listens and serves at once. `core` must outlive the server.
  //
  // Errors: kUnavailable when an address cannot be bound, or is another process's.
  static Result<std::unique_ptr<Server>> Start(ServiceCore* core, const ServerOptions& options);

  // Shutdown(), when it was not called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The port of the TCP listener; 0 without one.
  int port() const { return port_; }

  // Whether new connections are taken, with `patience` for each listener.
  //
  // Errors: kUnavailable when one does not: gRPC stops to accept for good when descriptors run out.
  // kResourceExhausted while it cannot be said, for want of them.
  Status CheckListeners(std::chrono::milliseconds patience) const;

  // Turns every service NOT_SERVING for health checks; calls are still answered.
  void StopServing();

  // StopServing(); refuse new calls and end streams once they are answered; let running calls
  // finish for shutdown_grace_ms, then cancel them; ServiceCore::Stop(), whose status it returns.
  // Later calls return OK.
  Status Shutdown() { return End(/*closes=*/true); }
  // The same, for a server that is to be followed by another one on the same database, which stays
  // open.
  Status MakeRoom() { return End(/*closes=*/false); }

 private:
  struct Services;

  Server(ServiceCore* core, const ServerOptions& options);
  Status Listen();
  Status End(bool closes);

  ServiceCore* const core_;
  const ServerOptions options_;
  StreamSet streams_;
  std::unique_ptr<Services> services_;
  std::optional<Descriptor> claim_;  // of the Unix socket
  std::unique_ptr<grpc::Server> grpc_;
  int port_ = 0;
  bool shut_down_ = false;
};

}  // namespace nearhit::server
