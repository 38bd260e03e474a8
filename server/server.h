// The gRPC server: listeners, services, health, limits, shutdown. The design of a call is in
// call.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/server.h>

#include "base/descriptor.h"
#include "nearhit/database.h"
#include "server/call.h"
#include "server/config.h"
#include "server/memory.h"
#include "server/worker_pool.h"

namespace nearhit::server {

// Thread-safety: thread-safe, except that Shutdown() is called by one thread.
class Server {
 public:
  // Listens and serves at once. `db` must outlive the server. `model_folder` is the model of
  // namespaces that say none; empty for none.
  //
  // Errors: kUnavailable when an address cannot be bound, or is another process's.
  static Result<std::unique_ptr<Server>> Start(Database* db, const ServerOptions& options,
                                               const std::string& model_folder = "");

  // Shutdown(), when it was not called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The port of the TCP listener; 0 without one.
  int port() const { return port_; }

  // Bytes of answers that clients have not taken.
  std::size_t held_answer_bytes() const { return context_.answers.held(); }

  // What is to be done once a second or so: lets go of queued calls that nobody wants any more, and
  // of memory. By one thread at a time.
  void KeepHouse();

  // Whether new connections are taken, with `patience` for each listener.
  //
  // Errors: kUnavailable when one does not: gRPC stops to accept for good when descriptors run out.
  // kResourceExhausted while it cannot be said, for want of them.
  Status CheckListeners(std::chrono::milliseconds patience) const;

  // Turns every service NOT_SERVING for health checks; calls are still answered.
  void StopServing();

  // StopServing(); refuse new calls and end streams once they are answered; let running calls
  // finish for shutdown_grace_ms, then cancel them, and no longer wait for embedders; flush the
  // database. Returns the flush's status. Later calls return OK.
  Status Shutdown() { return End(/*closes=*/true); }
  // The same, for a server that is to be followed by another one on the same database, which goes
  // on.
  Status MakeRoom() { return End(/*closes=*/false); }

 private:
  struct Services;

  Server(Database* db, const ServerOptions& options, const std::string& model_folder);
  Status Listen();
  Status End(bool closes);

  const ServerOptions options_;
  WorkerPool pool_;
  ServiceContext context_;
  std::unique_ptr<Services> services_;
  std::optional<Descriptor> claim_;  // of the Unix socket
  std::unique_ptr<grpc::Server> grpc_;
  int port_ = 0;
  bool shut_down_ = false;
  MemoryTrimmer memory_;
};

}  // namespace nearhit::server
