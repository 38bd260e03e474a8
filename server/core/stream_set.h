// The streams that are open, so that a server that stops can end them.
#pragma once

#include <unordered_set>

#include "base/mutex.h"

namespace nearhit::server {

class OpenStream {
 public:
  virtual ~OpenStream() = default;
  OpenStream(const OpenStream&) = delete;
  OpenStream& operator=(const OpenStream&) = delete;

  // Reads nothing more, and ends the stream once what was read is answered.
  virtual void Stop() = 0;

 protected:
  OpenStream() = default;
};

// Thread-safety: thread-safe.
class StreamSet {
 public:
  // One that comes after Stop() is stopped by the caller: returns false.
  bool Add(OpenStream* stream) {
    MutexLock lock(&mu_);
    streams_.insert(stream);
    return !stopped_;
  }
  // Waits for a Stop() of it that is under way.
  void Remove(OpenStream* stream) {
    MutexLock lock(&mu_);
    streams_.erase(stream);
  }
  void Stop() {
    MutexLock lock(&mu_);
    stopped_ = true;
    for (OpenStream* stream : streams_) {
      stream->Stop();
    }
  }

 private:
  Mutex mu_;
  std::unordered_set<OpenStream*> streams_ NEARHIT_GUARDED_BY(mu_);
  bool stopped_ NEARHIT_GUARDED_BY(mu_) = false;
};

}  // namespace nearhit::server
