#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "bench/workload/load.h"

namespace nearhit::bench {

namespace {

constexpr auto kAnswerTimeout = std::chrono::seconds(10);

// How many questions may be sent. The sender and the receiver meet here.
class Window {
 public:
  explicit Window(std::size_t size) : free_(size), send_at_(std::max<std::size_t>(1, size / 2)) {}

  // Waits until half of the window is free, and takes what is free. 0 when the stream is gone.
  std::size_t Take() {
    MutexLock lock(&mu_);
    while (free_ < send_at_ && !closed_) {
      changed_.Wait(&mu_);
    }
    return closed_ ? 0 : std::exchange(free_, 0);
  }

  void PutBack() {
    MutexLock lock(&mu_);
    if (++free_ == send_at_) {
      changed_.NotifyAll();
    }
  }

  void Close() {
    MutexLock lock(&mu_);
    closed_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::size_t free_ NEARHIT_GUARDED_BY(mu_);
  bool closed_ NEARHIT_GUARDED_BY(mu_) = false;
  const std::size_t send_at_;
};

}  // namespace

LoadResult RunStream(const LoadOptions& options, const VectorMatrix& queries, std::size_t in_flight,
                     double seconds) {
  using Stream = grpc::ClientReaderWriter<v1::LookupStreamRequest, v1::LookupStreamResponse>;
  const auto cache = v1::Cache::NewStub(ConnectTo(options.target));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + kAnswerTimeout +
                       std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1e3)));
  const std::unique_ptr<Stream> stream = cache->LookupStream(&context);

  LoadResult result;
  OperationResult& lookups = result.operations[static_cast<std::size_t>(Operation::kLookup)];
  Window window(in_flight);
  const auto start = SteadyClock::now();
  const auto nanos = [start] {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - start).count());
  };
  std::thread receiver([&] {
    v1::LookupStreamResponse answer;
    while (stream->Read(&answer)) {
      if (answer.has_response()) {
        lookups.latencies.Record(nanos() - answer.sequence());
        const bool hit = answer.response().result().kind() != v1::HIT_KIND_MISS;
        ++(hit ? result.hits : result.misses);
      } else if (lookups.errors++ == 0) {
        lookups.first_error = answer.error().message();
      }
      window.PutBack();
    }
    window.Close();
  });

  std::mt19937 random;
  v1::LookupStreamRequest question;
  question.mutable_request()->set_namespace_(options.name);
  v1::Prompt* const prompt = question.mutable_request()->mutable_prompt();
  bool open = true;
  for (std::uint64_t asked = 0; open && SecondsSince(start) < seconds;) {
    const std::size_t count = window.Take();
    open = count > 0;
    for (std::size_t i = 0; open && i < count; ++i) {
      const VectorView vector = queries.row(random() % queries.rows);
      question.set_sequence(nanos());  // comes back with the answer
      prompt->set_slot("streamed " + std::to_string(asked++));
      prompt->set_vector(vector.data(), vector.size_bytes());
      grpc::WriteOptions write;
      if (i + 1 < count) {
        write.set_buffer_hint();  // together with the next one
      }
      open = stream->Write(question, write);
    }
  }
  stream->WritesDone();
  receiver.join();
  result.seconds = SecondsSince(start);
  const grpc::Status status = stream->Finish();
  if (!status.ok() && lookups.errors++ == 0) {
    lookups.first_error = status.error_message();
  }
  return result;
}

}  // namespace nearhit::bench
