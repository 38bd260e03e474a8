#include "server/dialect/request_plan.h"

#include <utility>

#include <simdjson.h>

#include "nearhit/types.h"
#include "server/dialect/cache_member.h"
#include "server/dialect/canonical_writer.h"
#include "server/dialect/digest.h"
#include "server/dialect/request_fields.h"
#include "server/dialect/slot_finder.h"

namespace nearhit::server {
namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Array = simdjson::dom::array;

constexpr std::size_t kMaxRequestDepth = 256;

// null, false, "" and []: as if it were not there. An object is there even when it is empty: so
// clients ask for the defaults of something.
bool SaysNothing(Element value) {
  using Type = simdjson::dom::element_type;
  switch (value.type()) {
    case Type::NULL_VALUE:
      return true;
    case Type::BOOL:
      return !value.get_bool().value_unsafe();
    case Type::STRING:
      return value.get_string().value_unsafe().empty();
    case Type::ARRAY:
      return value.get_array().value_unsafe().size() == 0;
    default:
      return false;
  }
}

class Planner {
 public:
  Planner(Endpoint endpoint, const PlanOptions& options, Object root, RequestPlan* plan)
      : endpoint_(endpoint),
        root_(root),
        plan_(plan),
        writer_(&plan->canonical),
        finder_(endpoint, options, &verdict_) {}

  void Run() {
    plan_->model = TextOf(root_, "model");
    plan_->stream = IsTrue(root_, "stream");
    ReadStreamOptions();
    plan_->cache = ReadCacheMember(root_);
    finder_.Look(root_);
    slot_ = finder_.slot();
    LookAtTools();
    LookAtModel();
    writer_.Members(root_, [this](std::string_view name, Element value) { Member(name, value); });
    if (writer_.has_duplicates()) {
      verdict_.Limit(CacheUse::kNone, "duplicate_member");
    }
    Settle();
  }

 private:
  void ReadStreamOptions() {
    Object options;
    if (root_.at_key("stream_options").get(options) == simdjson::SUCCESS) {
      plan_->has_stream_options = true;
      plan_->include_usage = IsTrue(options, "include_usage");
    }
  }

  void Member(std::string_view name, Element value) {
    const FieldRule rule = FieldRuleOf(endpoint_, name);
    if (rule.use == FieldUse::kIgnored) {
      return;
    }
    if (rule.use == FieldUse::kExact && !SaysNothing(value)) {
      verdict_.Limit(CacheUse::kExact, rule.reason);
    }
    if (rule.use == FieldUse::kNever && !SaysNothing(value)) {
      verdict_.Limit(CacheUse::kNone, rule.reason);
    }
    writer_.Name(name);
    Array array;
    if (name == MessagesName(endpoint_)) {
      Messages(value);
    } else if ((name == "system" || name == "tools") && value.get(array) == simdjson::SUCCESS) {
      writer_.Values(array, [this](Element part, std::size_t) { Part(part); });
    } else {
      writer_.Value(value);
    }
    if (name == "n") {
      double count = 1;
      if (!value.is_null() && (value.get(count) != simdjson::SUCCESS || count != 1)) {
        verdict_.Limit(CacheUse::kExact, "n");
      }
    }
    if (name == "modalities") {
      LookAtModalities(value);
    }
  }

  void LookAtModalities(Element value) {
    Array list;
    if (value.get(list) != simdjson::SUCCESS) {
      return;
    }
    for (const Element modality : list) {
      if (TextOf(modality) != "text") {
        verdict_.Limit(CacheUse::kExact, "modalities");
      }
    }
  }

  // A part of a content, a tool, a part of a system prompt: without marks for the provider's cache.
  // What a tool is called with is the user's, and stays whole.
  void Part(Element part) {
    Object object;
    if (part.get(object) != simdjson::SUCCESS) {
      writer_.Value(part);
      return;
    }
    writer_.Members(object, [this](std::string_view name, Element value) {
      if (IsCacheMark(name)) {
        return;
      }
      writer_.Name(name);
      Array parts;
      if (name == "content" && value.get(parts) == simdjson::SUCCESS) {
        writer_.Values(parts, [this](Element inner, std::size_t) { Part(inner); });
      } else {
        writer_.Value(value);
      }
    });
  }

  void Messages(Element value) {
    Array messages;
    if (value.get(messages) != simdjson::SUCCESS) {
      WriteText(value, slot_.has_value());  // the prompt itself
      return;
    }
    writer_.Values(messages, [this](Element message, std::size_t index) {
      Object object;
      if (message.get(object) != simdjson::SUCCESS) {
        writer_.Value(message);
        return;
      }
      const bool has_slot = slot_ && slot_->message == index;
      writer_.Members(object, [this, has_slot](std::string_view name, Element member) {
        if (IsCacheMark(name)) {
          return;
        }
        writer_.Name(name);
        if (name == "content") {
          Content(member, has_slot);
        } else {
          writer_.Value(member);
        }
      });
    });
  }

  void Content(Element content, bool has_slot) {
    Array parts;
    if (content.get(parts) != simdjson::SUCCESS) {
      WriteText(content, has_slot && !slot_->part);
      return;
    }
    writer_.Values(parts, [this, has_slot](Element part, std::size_t index) {
      Object object;
      if (!has_slot || slot_->part != index || part.get(object) != simdjson::SUCCESS) {
        Part(part);
        return;
      }
      writer_.Members(object, [this](std::string_view name, Element member) {
        if (!IsCacheMark(name)) {
          writer_.Name(name);
          WriteText(member, name == "text");
        }
      });
    });
  }

  void WriteText(Element value, bool is_slot) {
    if (is_slot) {
      writer_.Placeholder();
    } else {
      writer_.Value(value);
    }
  }

  // Tools that the provider runs bring fresh data, or have effects.
  void LookAtTools() {
    Array tools;
    if (root_.at_key("tools").get(tools) != simdjson::SUCCESS) {
      return;
    }
    for (const Element tool : tools) {
      Object object;
      if (tool.get(object) != simdjson::SUCCESS) {
        continue;
      }
      const std::string_view type = TextOf(object, "type");
      if (!type.empty() && type != "function" && type != "custom") {
        verdict_.Limit(CacheUse::kNone, "fresh_data");
      }
    }
  }

  void LookAtModel() {
    if (plan_->model.empty() || plan_->model.size() > kMaxModelBytes) {
      verdict_.Limit(CacheUse::kNone, "no_model");
    }
    if (plan_->model.find("-search-") != std::string::npos || plan_->model.ends_with("-search")) {
      verdict_.Limit(CacheUse::kNone, "fresh_data");
    }
    if (endpoint_ == Endpoint::kResponses) {
      verdict_.Limit(CacheUse::kExact, "responses");
      bool store = true;  // also when it is absent, or null
      plan_->of_caller_only = root_.at_key("store").get(store) != simdjson::SUCCESS || store;
    }
    if (endpoint_ == Endpoint::kCountTokens) {
      verdict_.Limit(CacheUse::kExact, "count_tokens");
    }
  }

  // The slot is out of the canonical bytes by now; without one they have all.
  void Settle() {
    if (!slot_) {
      verdict_.Limit(CacheUse::kExact, finder_.reason());
    } else if (slot_->text.empty() || slot_->text.size() > kMaxSlotBytes) {
      verdict_.Limit(CacheUse::kExact, slot_->text.empty() ? "empty_text" : "long_text");
      writer_.Text(slot_->text);
      slot_.reset();
    }
    plan_->use = verdict_.use();
    plan_->reason = verdict_.reason();
    plan_->slot = slot_ ? std::string(slot_->text) : "sha256:" + ToHex(Sha256(plan_->canonical));
  }

  const Endpoint endpoint_;
  const Object root_;
  RequestPlan* const plan_;
  CanonicalWriter writer_;
  Verdict verdict_;
  SlotFinder finder_;
  std::optional<SlotPlace> slot_;
};

}  // namespace

class RequestPlanner::Parser {
 public:
  simdjson::dom::parser parser;
  std::size_t capacity = 0;
};

RequestPlanner::RequestPlanner() : parser_(std::make_unique<Parser>()) {
}

RequestPlanner::~RequestPlanner() = default;

RequestPlan RequestPlanner::Plan(Endpoint endpoint, const PlanOptions& options, std::string* body) {
  RequestPlan plan;
  plan.reason = "unparsable";
  if (body->size() > parser_->capacity) {
    if (parser_->parser.allocate(body->size(), kMaxRequestDepth) != simdjson::SUCCESS) {
      return plan;
    }
    parser_->capacity = body->size();
  }
  body->reserve(body->size() + simdjson::SIMDJSON_PADDING);
  Object root;
  if (parser_->parser.parse(body->data(), body->size(), false).get(root) != simdjson::SUCCESS) {
    return plan;
  }
  plan.canonical.reserve(body->size());
  plan.reason = {};
  Planner(endpoint, options, root, &plan).Run();
  return plan;
}

}  // namespace nearhit::server
