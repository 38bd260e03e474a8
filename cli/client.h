// The connection to a nearhit daemon, and what its errors mean for the exit code.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "nearhit/result.h"
#include "nearhit/v1/admin.grpc.pb.h"
#include "nearhit/v1/cache.grpc.pb.h"
#include "nearhit/v1/vectors.grpc.pb.h"

namespace nearhit {

// What the program ends with. Documented in --help and docs/cli.md.
enum ExitCode : int {
  kExitOk = 0,
  kExitNotFound = 1,     // a miss, or nothing of that id or name
  kExitUsage = 2,        // wrong flags, unreadable files
  kExitRefused = 3,      // the server calls the request wrong in its present state
  kExitUnavailable = 4,  // no server, or not in time
  kExitOther = 5,
};

ExitCode ExitCodeOf(StatusCode code);

Status FromGrpc(const grpc::Status& status);

// Thread-safety: thread-safe.
class Client {
 public:
  // `target` is "host:port" or "unix:/path". Connects with the first call.
  Client(const std::string& target, std::chrono::milliseconds timeout);

  // client.Call(client.cache(), &v1::Cache::Stub::Lookup, request, &response)
  template <typename Stub, typename Request, typename Response>
  Status Call(Stub& stub,
              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              const Request& request, Response* response) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout_);
    return FromGrpc((stub.*method)(&context, request, response));
  }

  v1::Cache::Stub& cache() const { return *cache_; }
  v1::Vectors::Stub& vectors() const { return *vectors_; }
  v1::Admin::Stub& admin() const { return *admin_; }

  std::chrono::milliseconds timeout() const { return timeout_; }

 private:
  std::chrono::milliseconds timeout_;
  std::unique_ptr<v1::Cache::Stub> cache_;
  std::unique_ptr<v1::Vectors::Stub> vectors_;
  std::unique_ptr<v1::Admin::Stub> admin_;
};

}  // namespace nearhit
