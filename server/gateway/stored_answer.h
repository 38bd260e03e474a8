// An answer as the gateway keeps it: whole, or as the events of a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"
#include "server/dialect/answer.h"

namespace nearhit::server {

// Views into what the owner of the bytes holds.
struct StoredEvent {
  std::string_view block{};    // ready to send, with its blank line
  bool usage_only = false;     // left out for clients that did not ask for usage
  std::uint32_t delay_ms = 0;  // after the event before it, as it was recorded
};

// At least one of the two forms is there.
struct StoredAnswer {
  std::string_view body{};            // empty: there is no such form
  std::vector<StoredEvent> events{};  // empty: there is no such form
  std::string_view model{};           // that answered, as it says; empty: unknown
  std::uint32_t took_ms = 0;          // from the call of the provider to the answer's end
  bool converts = false;              // the other form may be made of the one that is there

  bool Has(bool stream) const { return stream ? !events.empty() : !body.empty(); }
};

// The content type of entries that hold one.
inline constexpr std::string_view kStoredAnswerType = "application/vnd.nearhit.answer";

// Blocks of a stream as events, with the mark of those that are of usage only. Views `blocks`.
std::vector<StoredEvent> EventsOf(Api api, const std::vector<std::string>& blocks);

// A larger answer is stored in both forms: a conversion of it would hold up an event loop.
inline constexpr std::size_t kMaxConvertedBytes = std::size_t{64} << 10;

// What a form that was made views.
struct MadeForm {
  std::string body{};
  std::vector<std::string> blocks{};
};
// Makes the form that is asked for, unless it is there.
//
// Errors: kFailedPrecondition when it cannot be had without loss; the answer is as before.
Status AddForm(std::optional<Api> api, bool stream, StoredAnswer* answer, MadeForm* made);

std::string EncodeAnswer(const StoredAnswer& answer);
// The views point into `bytes`. Errors: kDataLoss when they are not what EncodeAnswer() makes.
Result<StoredAnswer> DecodeAnswer(std::string_view bytes);

}  // namespace nearhit::server
