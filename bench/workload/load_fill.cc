#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/workload/load.h"
#include "bench/workload/report.h"
#include "index/partition_index.h"

namespace nearhit::bench {

namespace {

constexpr std::size_t kBatch = 500;
constexpr auto kMoveTimeout = std::chrono::minutes(10);

Status FromGrpc(const grpc::Status& status, const std::string& what) {
  return status.ok() ? Status() : Unavailable(what + ": " + status.error_message());
}

void SetDeadline(grpc::ClientContext* context) {
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
}

Result<v1::NamespaceStats> Describe(v1::Admin::Stub* admin, const std::string& name) {
  v1::DescribeNamespaceRequest request;
  request.set_name(name);
  v1::DescribeNamespaceResponse response;
  grpc::ClientContext context;
  SetDeadline(&context);
  NEARHIT_RETURN_IF_ERROR(
      FromGrpc(admin->DescribeNamespace(&context, request, &response), "DescribeNamespace"));
  return response.info().stats();
}

// Returns whether the namespace was made; false when it was there.
Result<bool> Create(v1::Admin::Stub* admin, const std::string& name, float threshold,
                    std::size_t dimension) {
  v1::CreateNamespaceRequest request;
  request.set_name(name);
  request.mutable_config()->set_dimension(static_cast<std::uint32_t>(dimension));
  request.mutable_config()->set_threshold(threshold);
  request.mutable_config()->set_guards_off("all");  // vectors are given: texts only count
  v1::CreateNamespaceResponse response;
  grpc::ClientContext context;
  SetDeadline(&context);
  const grpc::Status status = admin->CreateNamespace(&context, request, &response);
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) {
    return false;
  }
  NEARHIT_RETURN_IF_ERROR(FromGrpc(status, "CreateNamespace"));
  return true;
}

Status StoreRows(v1::Cache::Stub* cache, const LoadOptions& options, const VectorMatrix& rows,
                 std::size_t first, std::size_t last) {
  v1::StoreBatchRequest request;
  request.set_namespace_(options.name);
  for (std::size_t row = first; row < last; ++row) {
    v1::StoreItem* item = request.add_items();
    const VectorView vector = rows.row(row);
    item->mutable_prompt()->set_slot("filled " + std::to_string(row));
    item->mutable_prompt()->set_vector(vector.data(), vector.size_bytes());
    item->set_answer(std::string(options.answer_bytes, 'a'));
  }
  v1::StoreBatchResponse response;
  grpc::ClientContext context;
  SetDeadline(&context);
  return FromGrpc(cache->StoreBatch(&context, request, &response), "StoreBatch");
}

}  // namespace

Status FillNamespace(const LoadOptions& options, float threshold, std::size_t count,
                     const VectorMatrix& rows) {
  if (count > rows.rows) {
    return InvalidArgument("--fill is over the " + std::to_string(rows.rows) +
                           " rows of --vectors");
  }
  const auto channel = ConnectTo(options.target);
  const auto admin = v1::Admin::NewStub(channel);
  const auto cache = v1::Cache::NewStub(channel);
  NEARHIT_ASSIGN_OR_RETURN(const bool made,
                           Create(admin.get(), options.name, threshold, rows.dimension));
  if (made) {
    for (std::size_t row = 0; row < count; row += kBatch) {
      NEARHIT_RETURN_IF_ERROR(
          StoreRows(cache.get(), options, rows, row, std::min(row + kBatch, count)));
    }
  }
  const std::size_t graph_threshold =
      PartitionIndex::ThresholdFor(rows.dimension, PartitionIndex::kGraphThreshold);
  const auto deadline = std::chrono::steady_clock::now() + kMoveTimeout;
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(const v1::NamespaceStats stats, Describe(admin.get(), options.name));
    if (stats.entries() < count) {
      return FailedPrecondition("namespace " + options.name + " exists and holds only " +
                                std::to_string(stats.entries()) + " entries");
    }
    if (count < graph_threshold || stats.graph_partitions() > 0) {
      Remark(options.name + " holds " + std::to_string(stats.entries()) + " entries");
      return {};
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return DeadlineExceeded("the daemon has not built its graph in time");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace nearhit::bench
