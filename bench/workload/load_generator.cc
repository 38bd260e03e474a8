#include <sys/prctl.h>
#include <thread>
#include <utility>

#include "bench/workload/load.h"

namespace nearhit::bench {

namespace {

constexpr std::uint64_t kMaxUnderWay = 5'000;
constexpr auto kTimeout = std::chrono::seconds(10);

std::string Bytes(VectorView vector) {
  return {reinterpret_cast<const char*>(vector.data()), vector.size_bytes()};
}

std::discrete_distribution<int> Draw(const Mix& mix) {
  return {mix.begin(), mix.end()};
}

}  // namespace

struct LoadGenerator::Call {
  Operation operation = Operation::kPing;
  SteadyClock::time_point scheduled;
  grpc::ClientContext context;
  grpc::Status status;
  v1::LookupResponse lookup;
  v1::StoreResponse store;
  v1::PingResponse ping;
  v1::EmbedResponse embed;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::LookupResponse>> lookup_reader;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::StoreResponse>> store_reader;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::PingResponse>> ping_reader;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::EmbedResponse>> embed_reader;
};

std::shared_ptr<grpc::Channel> ConnectTo(const std::string& target,
                                         grpc::ChannelArguments arguments) {
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

LoadGenerator::LoadGenerator(const LoadOptions& options, const VectorMatrix* queries,
                             const VectorMatrix* rows)
    : options_(options), queries_(queries), rows_(rows), answer_(options.answer_bytes, 'a') {
  for (std::size_t i = 0; i < options.connections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // or all share one connection
    const auto channel = ConnectTo(options.target, arguments);
    channel->WaitForConnected(std::chrono::system_clock::now() + kTimeout);
    caches_.push_back(v1::Cache::NewStub(channel));
    admins_.push_back(v1::Admin::NewStub(channel));
    vectors_.push_back(v1::Vectors::NewStub(channel));
  }
}

LoadGenerator::~LoadGenerator() {
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    delete static_cast<Call*>(tag);
  }
}

void LoadGenerator::Start(Operation operation, SteadyClock::time_point scheduled) {
  auto* call = new Call;  // Finish deletes it
  call->operation = operation;
  call->scheduled = scheduled;
  call->context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  ++started_;
  if (operation == Operation::kLookup) {
    StartLookup(call);
  } else if (operation == Operation::kStore) {
    StartStore(call);
  } else if (operation == Operation::kEmbed) {
    StartEmbed(call);
  } else {
    call->ping_reader =
        admins_[started_ % admins_.size()]->AsyncPing(&call->context, v1::PingRequest(), &queue_);
    call->ping_reader->Finish(&call->ping, &call->status, call);
  }
}

void LoadGenerator::StartLookup(Call* call) {
  v1::LookupRequest request;
  request.set_namespace_(options_.name);
  if (options_.texts.empty()) {
    request.mutable_prompt()->set_slot("asked " + std::to_string(started_));
    request.mutable_prompt()->set_vector(Bytes(queries_->row(random_() % queries_->rows)));
  } else {
    request.mutable_prompt()->set_slot(NextText());
  }
  call->lookup_reader =
      caches_[started_ % caches_.size()]->AsyncLookup(&call->context, request, &queue_);
  call->lookup_reader->Finish(&call->lookup, &call->status, call);
}

void LoadGenerator::StartStore(Call* call) {
  v1::StoreRequest request;
  request.set_namespace_(options_.name);
  request.mutable_item()->mutable_prompt()->set_slot("stored " + std::to_string(started_));
  request.mutable_item()->mutable_prompt()->set_vector(Bytes(rows_->row(random_() % rows_->rows)));
  request.mutable_item()->set_answer(answer_);
  call->store_reader =
      caches_[started_ % caches_.size()]->AsyncStore(&call->context, request, &queue_);
  call->store_reader->Finish(&call->store, &call->status, call);
}

void LoadGenerator::StartEmbed(Call* call) {
  v1::EmbedRequest request;
  request.set_namespace_(options_.name);
  request.add_texts(NextText());
  call->embed_reader =
      vectors_[started_ % vectors_.size()]->AsyncEmbed(&call->context, request, &queue_);
  call->embed_reader->Finish(&call->embed, &call->status, call);
}

bool LoadGenerator::Finish(LoadResult* result) {
  void* tag = nullptr;
  bool ok = false;
  if (!queue_.Next(&tag, &ok)) {
    return false;
  }
  const auto now = SteadyClock::now();
  const std::unique_ptr<Call> call(static_cast<Call*>(tag));
  OperationResult& operation = result->operations[static_cast<std::size_t>(call->operation)];
  if (call->status.ok()) {
    const auto nanos =
        std::chrono::duration_cast<std::chrono::nanoseconds>(now - call->scheduled).count();
    operation.latencies.Record(static_cast<std::uint64_t>(std::max<std::int64_t>(nanos, 0)));
  } else if (operation.errors++ == 0) {
    operation.first_error = call->status.error_message();
  }
  if (call->operation == Operation::kLookup && call->status.ok()) {
    const bool hit = call->lookup.result().kind() != v1::HIT_KIND_MISS;
    ++(hit ? result->hits : result->misses);
  }
  finished_.fetch_add(1, std::memory_order_release);
  return true;
}

LoadResult LoadGenerator::RunOpen(const Mix& mix, double rate, double seconds) {
  LoadResult result;
  const auto calls = static_cast<std::uint64_t>(std::max(1.0, rate * seconds));
  const std::uint64_t before = started_;
  std::atomic<std::uint64_t> expected{before + calls};
  std::thread finisher([&] {
    while (finished_.load(std::memory_order_acquire) < expected.load() && Finish(&result)) {
    }
  });
  prctl(PR_SET_TIMERSLACK, 1UL);  // wake when asked to, not up to 50 us later
  auto draw = Draw(mix);
  const auto start = SteadyClock::now();
  for (std::uint64_t i = 0; i < calls; ++i) {
    const auto due = start + std::chrono::nanoseconds(
                                 static_cast<std::int64_t>(static_cast<double>(i) * 1e9 / rate));
    std::this_thread::sleep_until(due);
    // The last call is never dropped: the finisher waits for it.
    if (i + 1 < calls && started_ - finished_.load(std::memory_order_acquire) >= kMaxUnderWay) {
      ++result.dropped;
      expected.fetch_sub(1);
      continue;
    }
    Start(static_cast<Operation>(draw(random_)), due);
  }
  finisher.join();
  result.seconds = SecondsSince(start);
  return result;
}

LoadResult LoadGenerator::RunClosed(const Mix& mix, std::size_t in_flight, double seconds) {
  LoadResult result;
  auto draw = Draw(mix);
  const auto start = SteadyClock::now();
  const auto start_one = [&] { Start(static_cast<Operation>(draw(random_)), SteadyClock::now()); };
  for (std::size_t i = 0; i < in_flight; ++i) {
    start_one();
  }
  while (Finish(&result) && SecondsSince(start) < seconds) {
    start_one();
  }
  while (finished_.load(std::memory_order_relaxed) < started_ && Finish(&result)) {
  }
  result.seconds = SecondsSince(start);
  return result;
}

}  // namespace nearhit::bench
