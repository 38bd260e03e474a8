// Prompts that are asked upstream now, for others that mean the same: these wait, and look up again
// once the answer is stored.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "nearhit/types.h"

namespace nearhit::server {

// Thread-safety: thread-safe.
class NearFlights : public std::enable_shared_from_this<NearFlights> {
  struct Entry;

 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // A prompt that is asked upstream. Its end wakes those that wait for it, on the thread that
  // destroys it.
  class Lead {
   public:
    Lead(std::shared_ptr<NearFlights> table, std::shared_ptr<Entry> entry);
    ~Lead();
    Lead(const Lead&) = delete;
    Lead& operator=(const Lead&) = delete;

   private:
    const std::shared_ptr<NearFlights> table_;
    const std::shared_ptr<Entry> entry_;
  };

  // Leads that ended no longer ago than `memory` still count for prompts that were looked up before
  // their end.
  explicit NearFlights(std::chrono::milliseconds memory) : memory_(memory) {}

  struct Prompt {
    std::string_view scope;
    std::string_view slot;
    VectorView vector;      // any length but zero
    float threshold = 1;    // a cosine
    TimePoint looked_up{};  // when its lookup began
  };
  // The prompt waits for the first of its scope that is near enough: `wake` runs once, when that
  // ends, or at once when it has ended since the lookup. Otherwise it leads, and gets a lead that
  // it keeps until its answer is stored. One with the very text of a lead neither waits nor leads.
  struct Joined {
    bool waits = false;
    std::shared_ptr<Lead> lead{};
  };
  Joined Join(const Prompt& prompt, std::function<void()> wake);

 private:
  struct Entry {
    std::string scope;
    std::string slot;
    std::vector<float> unit;
    bool ended = false;
    TimePoint end{};
    std::vector<std::function<void()>> waiting{};
  };

  std::shared_ptr<Entry> FindNear(const Entry& own, const Prompt& prompt) const
      NEARHIT_REQUIRES(mu_);
  void End(const std::shared_ptr<Entry>& entry);
  void Forget(TimePoint now) NEARHIT_REQUIRES(mu_);

  const std::chrono::milliseconds memory_;
  Mutex mu_;
  std::unordered_map<std::string, std::vector<std::shared_ptr<Entry>>> by_scope_
      NEARHIT_GUARDED_BY(mu_);
  std::deque<std::shared_ptr<Entry>> ended_ NEARHIT_GUARDED_BY(mu_);  // oldest first
};

}  // namespace nearhit::server
