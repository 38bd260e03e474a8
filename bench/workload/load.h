// nearhit-bench load: a daemon under a fixed schedule of calls, over its own gRPC interface.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "bench/workload/latency_histogram.h"
#include "bench/workload/measure.h"
#include "formats/vector_file.h"
#include "nearhit/result.h"
#include "nearhit/types.h"
#include "nearhit/v1/admin.grpc.pb.h"
#include "nearhit/v1/cache.grpc.pb.h"
#include "nearhit/v1/vectors.grpc.pb.h"

namespace nearhit::bench {

enum class Operation : std::uint8_t { kLookup = 0, kStore = 1, kPing = 2, kEmbed = 3 };
inline constexpr std::size_t kOperations = 4;
inline constexpr std::array<const char*, kOperations> kOperationNames = {"lookup", "store", "ping",
                                                                         "embed"};

// Shares of the operations; need not sum to 1.
using Mix = std::array<double, kOperations>;
inline constexpr Mix kOnlyPing = {0, 0, 1, 0};

struct LoadOptions {
  std::string target;
  std::string name;  // of the namespace
  std::size_t connections = 1;
  std::size_t answer_bytes = 1'024;
  // What lookups and embed calls ask, one after the other; empty: lookups send vectors.
  std::vector<std::string> texts{};
};

struct OperationResult {
  LatencyHistogram latencies;  // of calls that were answered OK
  std::uint64_t errors = 0;
  std::string first_error{};
};

struct LoadResult {
  std::array<OperationResult, kOperations> operations{};
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t dropped = 0;  // not sent, because too many calls were under way
  double seconds = 0;
};

// To the daemon itself: $http_proxy is for the web.
std::shared_ptr<grpc::Channel> ConnectTo(const std::string& target,
                                         grpc::ChannelArguments arguments = {});

// Sends calls and times them. All operations go the same way through gRPC's asynchronous client.
//
// Thread-safety: externally synchronized; Run* use a thread of their own beside the caller's.
class LoadGenerator {
 public:
  // `queries` (of lookups without texts) and `rows` (of stores) must outlive the generator.
  LoadGenerator(const LoadOptions& options, const VectorMatrix* queries, const VectorMatrix* rows);
  ~LoadGenerator();
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  // Open loop: calls leave at fixed times, `rate` a second, however long answers take; a latency
  // counts from the time at which the call should have left (no coordinated omission).
  LoadResult RunOpen(const Mix& mix, double rate, double seconds);

  // Closed loop: `in_flight` calls at a time, the next one when one is answered.
  LoadResult RunClosed(const Mix& mix, std::size_t in_flight, double seconds);

 private:
  struct Call;

  void Start(Operation operation, SteadyClock::time_point scheduled);
  void StartLookup(Call* call);
  void StartStore(Call* call);
  void StartEmbed(Call* call);
  const std::string& NextText() { return options_.texts[next_text_++ % options_.texts.size()]; }
  // Takes one finished call; false when the queue was shut down.
  bool Finish(LoadResult* result);

  const LoadOptions options_;
  const VectorMatrix* const queries_;
  const VectorMatrix* const rows_;
  const std::string answer_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<v1::Cache::Stub>> caches_;
  std::vector<std::unique_ptr<v1::Admin::Stub>> admins_;
  std::vector<std::unique_ptr<v1::Vectors::Stub>> vectors_;
  std::mt19937 random_;
  std::uint64_t started_ = 0;
  std::size_t next_text_ = 0;
  std::atomic<std::uint64_t> finished_{0};
};

// Closed loop over one LookupStream, `in_flight` questions at a time, sent together when half of
// them are answered. Latencies count from the sending of a question.
LoadResult RunStream(const LoadOptions& options, const VectorMatrix& queries, std::size_t in_flight,
                     double seconds);

// Creates the cache namespace `name` and stores the first `count` of `rows` in it. Waits until the
// daemon has the index that serves them. One that is there and holds as many is left as it is.
Status FillNamespace(const LoadOptions& options, float threshold, std::size_t count,
                     const VectorMatrix& rows);

}  // namespace nearhit::bench
