// Calls of the server from tests, in a line each.
#pragma once

#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "nearhit/v1/admin.grpc.pb.h"
#include "nearhit/v1/cache.grpc.pb.h"
#include "nearhit/v1/vectors.grpc.pb.h"

namespace nearhit::server {

// How a call ended, and what it returned.
template <typename Message>
struct Answer {
  bool ok() const { return status.ok(); }
  grpc::StatusCode code() const { return status.error_code(); }
  std::string text() const { return status.error_message(); }  // of an error
  const Message* operator->() const { return &message; }

  grpc::Status status;
  Message message;
};

inline v1::Prompt PromptOf(const std::string& slot) {
  v1::Prompt prompt;
  prompt.set_slot(slot);
  return prompt;
}
inline v1::StoreItem ItemOf(const std::string& slot, const std::string& answer) {
  v1::StoreItem item;
  *item.mutable_prompt() = PromptOf(slot);
  item.set_answer(answer);
  return item;
}
inline v1::StoreRequest StoreOf(const std::string& name, const std::string& slot,
                                const std::string& answer) {
  v1::StoreRequest request;
  request.set_namespace_(name);
  *request.mutable_item() = ItemOf(slot, answer);
  return request;
}
inline v1::LookupRequest LookupOf(const std::string& name, const std::string& slot) {
  v1::LookupRequest request;
  request.set_namespace_(name);
  *request.mutable_prompt() = PromptOf(slot);
  return request;
}
inline v1::EmbedRequest EmbedOf(const std::string& name, const std::vector<std::string>& texts) {
  v1::EmbedRequest request;
  request.set_namespace_(name);
  request.mutable_texts()->Add(texts.begin(), texts.end());
  return request;
}
inline v1::LookupStreamRequest StreamItem(std::uint64_t sequence,
                                          const v1::LookupRequest& request) {
  v1::LookupStreamRequest item;
  item.set_sequence(sequence);
  *item.mutable_request() = request;
  return item;
}

// Thread-safety: thread-safe.
class Client {
  // The call of each request.
  static auto MethodOf(const v1::LookupRequest&) { return &v1::Cache::Stub::Lookup; }
  static auto MethodOf(const v1::LookupBatchRequest&) { return &v1::Cache::Stub::LookupBatch; }
  static auto MethodOf(const v1::StoreRequest&) { return &v1::Cache::Stub::Store; }
  static auto MethodOf(const v1::StoreBatchRequest&) { return &v1::Cache::Stub::StoreBatch; }
  static auto MethodOf(const v1::DeleteRequest&) { return &v1::Cache::Stub::Delete; }
  static auto MethodOf(const v1::ScanRequest&) { return &v1::Cache::Stub::Scan; }
  static auto MethodOf(const v1::UpsertRequest&) { return &v1::Vectors::Stub::Upsert; }
  static auto MethodOf(const v1::EmbedRequest&) { return &v1::Vectors::Stub::Embed; }
  static auto MethodOf(const v1::CreateNamespaceRequest&) {
    return &v1::Admin::Stub::CreateNamespace;
  }
  static auto MethodOf(const v1::UpdateNamespaceRequest&) {
    return &v1::Admin::Stub::UpdateNamespace;
  }
  static auto MethodOf(const v1::DescribeNamespaceRequest&) {
    return &v1::Admin::Stub::DescribeNamespace;
  }
  static auto MethodOf(const v1::ListNamespacesRequest&) {
    return &v1::Admin::Stub::ListNamespaces;
  }
  static auto MethodOf(const v1::StatsRequest&) { return &v1::Admin::Stub::Stats; }
  static auto MethodOf(const v1::BackupRequest&) { return &v1::Admin::Stub::Backup; }
  static auto MethodOf(const v1::SnapshotRequest&) { return &v1::Admin::Stub::Snapshot; }

 public:
  using Timeout = std::chrono::milliseconds;
  static constexpr Timeout kPatience = std::chrono::minutes(2);

  // A client of what listens on `port` of this host, or at `target`.
  explicit Client(int port, const grpc::ChannelArguments& arguments = {})
      : Client("127.0.0.1:" + std::to_string(port), arguments) {}
  explicit Client(const std::string& target, const grpc::ChannelArguments& arguments = {})
      : channel_(grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments)),
        stubs_(v1::Admin::NewStub(channel_), v1::Cache::NewStub(channel_),
               v1::Vectors::NewStub(channel_)) {}

  v1::Cache::Stub* cache() { return StubOf<v1::Cache::Stub>(); }  // for streams

  // It fails after `timeout`.
  template <typename Request>
  auto Call(const Request& request, Timeout timeout = kPatience) {
    return CallMethod(MethodOf(request), request, timeout);
  }

  auto Store(const std::string& name, const std::string& slot, const std::string& answer) {
    return Call(StoreOf(name, slot, answer));
  }
  auto Lookup(const std::string& name, const std::string& slot) {
    return Call(LookupOf(name, slot));
  }
  // Entries from the first on, as many as a page has.
  auto Scan(const std::string& name) {
    v1::ScanRequest request;
    request.set_namespace_(name);
    return Call(request);
  }
  auto Stats() { return Call(v1::StatsRequest()); }

  // A call of any bytes, of any method: "/package.Service/Method".
  Answer<std::string> Send(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    Answer<std::string> answer;
    std::latch done(1);
    stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &response,
                   [&](const grpc::Status& ended) {
                     answer.status = ended;
                     done.count_down();
                   });
    done.wait();
    if (grpc::Slice whole; response.Valid() && response.DumpToSingleSlice(&whole).ok()) {
      answer.message.assign(whole.begin(), whole.end());
    }
    return answer;
  }

 private:
  template <typename Stub>
  Stub* StubOf() {
    return std::get<std::unique_ptr<Stub>>(stubs_).get();
  }
  template <typename Stub, typename Request, typename Response>
  Answer<Response> CallMethod(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              const Request& request, Timeout timeout) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    Answer<Response> answer;
    answer.status = (StubOf<Stub>()->*method)(&context, request, &answer.message);
    return answer;
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::tuple<std::unique_ptr<v1::Admin::Stub>, std::unique_ptr<v1::Cache::Stub>,
                   std::unique_ptr<v1::Vectors::Stub>>
      stubs_;
};

// Reads what is left of the answers of a stream, and expects that it ends well.
template <typename Request, typename Response>
std::vector<Response> ReadRest(grpc::ClientReaderWriter<Request, Response>* stream) {
  std::vector<Response> answers;
  Response answer;
  while (stream->Read(&answer)) {
    answers.push_back(answer);
  }
  EXPECT_TRUE(stream->Finish().ok());
  return answers;
}

}  // namespace nearhit::server
