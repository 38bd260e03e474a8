#include "server/dialect/slot_finder.h"

#include "server/dialect/request_fields.h"

namespace nearhit::server {
namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Array = simdjson::dom::array;

// Members that hold what they say, even when that is an address.
bool IsContent(std::string_view name) {
  return name == "text" || name == "content" || name == "output" || name == "data";
}

// Whether it begins as an address does: a scheme and "://".
bool IsAddress(std::string_view text) {
  constexpr std::size_t kMaxScheme = 16;
  const std::size_t end = text.substr(0, kMaxScheme).find("://");
  return end != std::string_view::npos && end > 0 && text.find_first_of(" \t\r\n\"{[") > end;
}

}  // namespace

std::string_view TextOf(Element value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::string_view TextOf(Object object, std::string_view name) {
  Element value;
  return object.at_key(name).get(value) == simdjson::SUCCESS ? TextOf(value) : std::string_view();
}

std::string_view MessagesName(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kCompletions:
      return "prompt";
    case Endpoint::kResponses:
      return "input";
    default:
      return "messages";
  }
}

void SlotFinder::Look(Object request) {
  Element value;
  if (request.at_key(MessagesName(endpoint_)).get(value) != simdjson::SUCCESS) {
    verdict_->Limit(CacheUse::kNone, "no_messages");
    return;
  }
  Array messages;
  if (value.get(messages) != simdjson::SUCCESS) {
    const std::string_view text = TextOf(value);
    if (endpoint_ == Endpoint::kCompletions && !text.empty()) {
      slot_ = SlotPlace{.text = text};
    }
    return;
  }
  if (endpoint_ == Endpoint::kCompletions) {
    return;  // several prompts
  }
  std::size_t index = 0;
  for (const Element message : messages) {
    Object object;
    slot_.reset();
    if (message.get(object) == simdjson::SUCCESS) {
      LookAtMessage(object, index);
    } else {
      verdict_->Limit(CacheUse::kExact, "unknown_message");
    }
    ++index;
  }
  if (user_messages_ > options_.semantic_user_turns) {
    verdict_->Limit(CacheUse::kExact, "multi_turn");
  }
}

void SlotFinder::LookAtMessage(Object message, std::size_t index) {
  const std::string_view role = TextOf(message, "role");
  reason_ = role == "assistant"                    ? "prefill"
            : role == "tool" || role == "function" ? "tool_result"
                                                   : "no_text";
  if (role == "assistant" && options_.semantic_user_turns <= 1) {
    verdict_->Limit(CacheUse::kExact, "multi_turn");
  }
  const bool is_user = role == "user";
  user_messages_ += is_user ? 1 : 0;
  if (role.empty()) {
    LookAtItem(message);
  }
  Element content;
  if (message.at_key("content").get(content) != simdjson::SUCCESS) {
    return;
  }
  Array parts;
  if (content.get(parts) != simdjson::SUCCESS) {
    if (is_user && content.is_string()) {
      slot_ = SlotPlace{.message = index, .text = TextOf(content)};
    }
    return;
  }
  std::size_t part_index = 0;
  for (const Element part : parts) {
    LookAtPart(part, is_user, index, part_index++);
  }
}

void SlotFinder::LookAtPart(Element part, bool is_user, std::size_t message, std::size_t index) {
  Object object;
  if (part.get(object) != simdjson::SUCCESS) {
    verdict_->Limit(CacheUse::kExact, "unknown_part");
    return;
  }
  const std::string_view type = TextOf(object, "type");
  if (type == "text" || type == "input_text" || type == "output_text") {
    if (is_user && object.at_key("text").is_string()) {
      slot_ = SlotPlace{.message = message, .part = index, .text = TextOf(object, "text")};
    }
    return;
  }
  verdict_->Limit(CacheUse::kExact, type.starts_with("tool_") ? "tool_result" : "media");
  LookAtReference(object);
}

// What Responses take beside messages. One that is an id, perhaps with its type, is kept upstream.
void SlotFinder::LookAtItem(Object item) {
  const std::string_view type = TextOf(item, "type");
  Element any;
  if (type == "item_reference" ||
      (type.empty() && item.at_key("content").get(any) != simdjson::SUCCESS)) {
    verdict_->Limit(CacheUse::kNone, "server_state");
  }
  LookAtReference(item);
}

// A URL or the id of a file is not its content: the next answer may be to another picture.
void SlotFinder::LookAtReference(Object part) {
  for (const auto member : part) {
    const std::string_view name = member.key;
    const std::string_view text = TextOf(member.value);
    Object inner;
    Array list;
    if (IsCacheMark(name)) {
      continue;
    }
    if (name == "file_id") {
      verdict_->Limit(CacheUse::kNone, "server_state");
    } else if (!IsContent(name) && IsAddress(text)) {
      verdict_->Limit(CacheUse::kNone, "media_url");
    } else if (name != "input" && member.value.get(inner) == simdjson::SUCCESS) {
      LookAtReference(inner);
    } else if (member.value.get(list) == simdjson::SUCCESS) {
      for (const Element item : list) {
        if (item.get(inner) == simdjson::SUCCESS) {
          LookAtReference(inner);
        }
      }
    }
  }
}

}  // namespace nearhit::server
