// Requests as they come from outside, through gRPC's own parser and our services, over an
// in-process channel (no network). Input: calls, each a method, a length (two bytes) and a request
// message.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <google/protobuf/stubs/logging.h>
#include <grpcpp/grpcpp.h>

#include "nearhit/database.h"
#include "server/grpc/admin_service.h"
#include "server/grpc/cache_service.h"
#include "server/grpc/vectors_service.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit::server {
namespace {

// The services over a database that is exchanged for each input.
class Rig {
 public:
  Rig() : cache_(Ready(), &streams_), vectors_(&*core_, &streams_), admin_(&*core_) {
    google::protobuf::SetLogHandler(nullptr);  // it would complain about every text not in UTF-8
    grpc::ServerBuilder builder;
    builder.RegisterService(&cache_);
    builder.RegisterService(&vectors_);
    builder.RegisterService(&admin_);
    server_ = builder.BuildAndStart();
    FUZZ_CHECK(server_ != nullptr);
    channel_ = server_->InProcessChannel({});
    cache = v1::Cache::NewStub(channel_);
    vectors = v1::Vectors::NewStub(channel_);
    admin = v1::Admin::NewStub(channel_);
  }

  void NewDatabase() {
    DatabaseOptions options;
    options.in_memory = true;
    options.background_maintenance = false;
    options.max_payload_bytes = 4'096;
    core_.reset();
    db_ = *Database::Open(options);
    ServerOptions serving;
    serving.workers = 1;
    serving.max_queue = 16;
    core_.emplace(db_.get(), serving, "");
    NamespaceConfig config;
    config.dimension = 2;
    FUZZ_CHECK(db_->CreateNamespace("c", config).ok());
    config.kind = NamespaceKind::kVectors;
    FUZZ_CHECK(db_->CreateNamespace("v", config).ok());
    config = {};
    config.embedder.kind = "lexical";
    FUZZ_CHECK(db_->CreateNamespace("l", config).ok());
  }

 private:
  ServiceCore* Ready() {
    NewDatabase();
    return &*core_;
  }

  std::unique_ptr<Database> db_;
  std::optional<ServiceCore> core_;  // made anew in its place
  StreamSet streams_;
  CacheService cache_;
  VectorsService vectors_;
  AdminService admin_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;

 public:
  std::unique_ptr<v1::Cache::Stub> cache;
  std::unique_ptr<v1::Vectors::Stub> vectors;
  std::unique_ptr<v1::Admin::Stub> admin;
};

// An embedder that would leave the machine becomes the one that does not.
template <typename Request>
void StayInside(Request*) {
}
void StayInside(v1::EmbedderSpec* spec) {
  if (spec->kind() == "http") {
    spec->set_kind("lexical");
  }
}
void StayInside(v1::CreateNamespaceRequest* request) {
  StayInside(request->mutable_config()->mutable_embedder());
}
void StayInside(v1::UpdateNamespaceRequest* request) {
  if (request->has_embedder()) {
    StayInside(request->mutable_embedder());
  }
}

// A request may be refused in many ways; none of them says that we are broken.
void CheckCode(int code) {
  FUZZ_CHECK(code != grpc::StatusCode::INTERNAL && code != grpc::StatusCode::UNKNOWN &&
             code != grpc::StatusCode::DATA_LOSS && code != grpc::StatusCode::DEADLINE_EXCEEDED &&
             code != grpc::StatusCode::ABORTED);
}

void SetDeadline(grpc::ClientContext* call) {
  call->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
}

template <typename Stub, typename Request, typename Response>
void Call(Stub* stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
          std::string_view bytes) {
  Request request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return;
  }
  StayInside(&request);
  grpc::ClientContext call;
  SetDeadline(&call);
  Response response;
  CheckCode((stub->*method)(&call, request, &response).error_code());
}

template <typename Request, typename Response, typename Open>
void Stream(Open open, std::string_view bytes) {
  Request request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return;
  }
  grpc::ClientContext call;
  SetDeadline(&call);
  const auto stream = open(&call);
  FUZZ_CHECK(stream->Write(request) && stream->Write(request) && stream->WritesDone());
  Response response;
  for (int answers = 0; answers < 2; ++answers) {
    FUZZ_CHECK(stream->Read(&response) && response.sequence() == request.sequence());
    CheckCode(response.error().code());
  }
  FUZZ_CHECK(!stream->Read(&response));
  FUZZ_CHECK(stream->Finish().ok());
}

void CallStream(Rig* rig, unsigned which, std::string_view bytes) {
  switch (which) {
    case 0:
      return Stream<v1::LookupStreamRequest, v1::LookupStreamResponse>(
          [rig](auto* call) { return rig->cache->LookupStream(call); }, bytes);
    case 1:
      return Stream<v1::StoreStreamRequest, v1::StoreStreamResponse>(
          [rig](auto* call) { return rig->cache->StoreStream(call); }, bytes);
    default:
      return Stream<v1::UpsertStreamRequest, v1::UpsertStreamResponse>(
          [rig](auto* call) { return rig->vectors->UpsertStream(call); }, bytes);
  }
}

void CallAdmin(v1::Admin::Stub* stub, unsigned which, std::string_view bytes) {
  switch (which) {
    case 0:
      return Call(stub, &v1::Admin::Stub::CreateNamespace, bytes);
    case 1:
      return Call(stub, &v1::Admin::Stub::ListNamespaces, bytes);
    case 2:
      return Call(stub, &v1::Admin::Stub::DescribeNamespace, bytes);
    case 3:
      return Call(stub, &v1::Admin::Stub::UpdateNamespace, bytes);
    case 4:
      return Call(stub, &v1::Admin::Stub::DropNamespace, bytes);
    case 5:
      return Call(stub, &v1::Admin::Stub::Stats, bytes);
    case 6:
      return Call(stub, &v1::Admin::Stub::Flush, bytes);
    case 7:
      return Call(stub, &v1::Admin::Stub::Snapshot, bytes);
    default:
      return Call(stub, &v1::Admin::Stub::Ping, bytes);
  }
}

void CallCache(v1::Cache::Stub* stub, unsigned which, std::string_view bytes) {
  switch (which) {
    case 0:
      return Call(stub, &v1::Cache::Stub::Lookup, bytes);
    case 1:
      return Call(stub, &v1::Cache::Stub::LookupBatch, bytes);
    case 2:
      return Call(stub, &v1::Cache::Stub::Store, bytes);
    case 3:
      return Call(stub, &v1::Cache::Stub::StoreBatch, bytes);
    case 4:
      return Call(stub, &v1::Cache::Stub::Get, bytes);
    case 5:
      return Call(stub, &v1::Cache::Stub::Delete, bytes);
    case 6:
      return Call(stub, &v1::Cache::Stub::Invalidate, bytes);
    default:
      return Call(stub, &v1::Cache::Stub::Scan, bytes);
  }
}

void CallVectors(v1::Vectors::Stub* stub, unsigned which, std::string_view bytes) {
  switch (which) {
    case 0:
      return Call(stub, &v1::Vectors::Stub::Upsert, bytes);
    case 1:
      return Call(stub, &v1::Vectors::Stub::Search, bytes);
    case 2:
      return Call(stub, &v1::Vectors::Stub::SearchBatch, bytes);
    case 3:
      return Call(stub, &v1::Vectors::Stub::Get, bytes);
    case 4:
      return Call(stub, &v1::Vectors::Stub::Delete, bytes);
    case 5:
      return Call(stub, &v1::Vectors::Stub::Scan, bytes);
    default:
      return Call(stub, &v1::Vectors::Stub::Embed, bytes);
  }
}

void Run(FuzzInput input) {
  static auto* const rig = new Rig;
  rig->NewDatabase();
  for (int calls = 0; calls < 16 && !input.empty(); ++calls) {
    const unsigned method = input.Byte();
    const std::string_view bytes = input.Take(input.Number<std::uint16_t>());
    switch (method >> 6U) {
      case 0:
        CallAdmin(rig->admin.get(), method % 9, bytes);
        break;
      case 1:
        CallCache(rig->cache.get(), method % 8, bytes);
        break;
      case 2:
        CallVectors(rig->vectors.get(), method % 7, bytes);
        break;
      default:
        CallStream(rig, method % 3, bytes);
    }
  }
}

}  // namespace
}  // namespace nearhit::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::server::Run(nearhit::FuzzInput(data, size));
  return 0;
}
