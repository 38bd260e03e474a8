// Texts that are being embedded at this moment.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

// Lets one call embed a text that several ask for at the same time, and the others wait for it. A
// call that leads texts must end every one of them before it waits for those of others: so no two
// calls wait for each other.
//
// Thread-safety: thread-safe. Ownership: must outlive its flights. Persistence: none.
class SingleFlight {
 private:
  struct Flight;

 public:
  // Whoever leads a text gives its vector, or leaves it to those who wait by going away.
  class Lead {
   public:
    Lead(const Lead&) = delete;
    Lead& operator=(const Lead&) = delete;
    Lead(Lead&&) noexcept = default;
    Lead& operator=(Lead&&) = delete;
    ~Lead();

    // `row` empty: the text has no vector. Once.
    void Finish(std::span<const float> row);

   private:
    friend class SingleFlight;
    Lead(SingleFlight* owner, std::string_view text, std::shared_ptr<Flight> flight)
        : owner_(owner), text_(text), flight_(std::move(flight)) {}

    SingleFlight* owner_;
    std::string_view text_;           // the caller's, until the end
    std::shared_ptr<Flight> flight_;  // null: finished, or moved from
  };

  // Waits for the vector that another call makes.
  class Follow {
   public:
    enum class Outcome : std::uint8_t { kDone, kLeft, kDeadline };

    // kDone: `row` is filled, with zeros for a text without a vector. kLeft: its leader failed or
    // gave up, and the text is to be joined again. kDeadline: `deadline` passed first.
    Outcome Wait(std::chrono::steady_clock::time_point deadline, std::span<float> row);

   private:
    friend class SingleFlight;
    explicit Follow(std::shared_ptr<Flight> flight) : flight_(std::move(flight)) {}
    std::shared_ptr<Flight> flight_;
  };

  // One of the two is set.
  struct Ticket {
    std::optional<Lead> lead{};
    std::optional<Follow> follow{};
  };

  SingleFlight();
  ~SingleFlight();
  SingleFlight(const SingleFlight&) = delete;
  SingleFlight& operator=(const SingleFlight&) = delete;

  // Leads `text` when nobody does, and follows otherwise. A leading caller keeps `text` until then.
  Ticket Join(std::string_view text);

 private:
  struct Flight {
    Mutex mu;
    CondVar has_ended;
    bool ended NEARHIT_GUARDED_BY(mu) = false;
    bool left NEARHIT_GUARDED_BY(mu) = false;
    std::vector<float> row NEARHIT_GUARDED_BY(mu);
  };

  void End(std::string_view text, Flight* flight, bool left, std::span<const float> row);

  Mutex mu_;
  // Keys view the leaders' texts.
  std::unordered_map<std::string_view, std::shared_ptr<Flight>> flights_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
