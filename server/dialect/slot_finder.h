// Which text of a request may match by meaning, and what of its messages speaks against that. For
// the sources of this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <simdjson.h>

#include "server/dialect/endpoint.h"
#include "server/dialect/request_plan.h"

namespace nearhit::server {

// The text of a value, or of a member; empty when it is none.
std::string_view TextOf(simdjson::dom::element value);
std::string_view TextOf(simdjson::dom::object object, std::string_view name);

// Narrows what the plan allows. The first reason stays, but one for kNone wins.
class Verdict {
 public:
  void Limit(CacheUse use, std::string_view reason) {
    if (use < use_) {
      use_ = use;
      reason_ = reason;
    }
  }
  CacheUse use() const { return use_; }
  std::string_view reason() const { return reason_; }

 private:
  CacheUse use_ = CacheUse::kSemantic;
  std::string_view reason_;
};

// Where the text that may match by meaning is.
struct SlotPlace {
  std::size_t message = 0;
  std::optional<std::size_t> part{};  // of the message's content; absent: the content is the text
  std::string_view text{};
};

// The name of the member that has the messages, or the prompt.
std::string_view MessagesName(Endpoint endpoint);

// Thread-safety: externally synchronized. The request must outlive it.
class SlotFinder {
 public:
  SlotFinder(Endpoint endpoint, const PlanOptions& options, Verdict* verdict)
      : endpoint_(endpoint), options_(options), verdict_(verdict) {}

  // Limits the verdict by what it sees on the way.
  void Look(simdjson::dom::object request);
  // Absent: the last message has no text of a user.
  const std::optional<SlotPlace>& slot() const { return slot_; }
  // Why it is absent.
  std::string_view reason() const { return reason_; }

 private:
  void LookAtMessage(simdjson::dom::object message, std::size_t index);
  void LookAtPart(simdjson::dom::element part, bool is_user, std::size_t message,
                  std::size_t index);
  void LookAtItem(simdjson::dom::object item);
  void LookAtReference(simdjson::dom::object part);

  const Endpoint endpoint_;
  const PlanOptions& options_;
  Verdict* const verdict_;
  std::optional<SlotPlace> slot_;
  std::string_view reason_ = "no_text";
  std::uint32_t user_messages_ = 0;
};

}  // namespace nearhit::server
