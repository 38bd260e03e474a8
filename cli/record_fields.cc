// RecordFromJson and RecordToItem of record_reader.h.
#include <cmath>
#include <limits>
#include <utility>

#include "cli/parse.h"
#include "cli/record_reader.h"

namespace nearhit {
namespace {

Status FieldError(std::string_view field, const char* what) {
  return InvalidArgument("field '" + std::string(field) + "' " + what);
}

const nlohmann::json* Find(const nlohmann::json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Status GetString(const nlohmann::json& object, const std::string& name, std::string* out) {
  if (const nlohmann::json* value = Find(object, name)) {
    if (!value->is_string()) {
      return FieldError(name, "is not a string");
    }
    *out = value->get_ref<const std::string&>();
  }
  return {};
}

// Text, or bytes under `name` + "_base64"; any other JSON value as it was written when `any`.
Status GetBytes(const JsonRecord& record, const std::string& name, bool any, bool* found,
                std::string* out) {
  const nlohmann::json& object = record.object;
  const nlohmann::json* encoded = Find(object, name + "_base64");
  const nlohmann::json* value = Find(object, name);
  *found = encoded != nullptr || value != nullptr;
  if (encoded != nullptr) {
    if (!encoded->is_string()) {
      return FieldError(name + "_base64", "is not a string");
    }
    NEARHIT_ASSIGN_OR_RETURN(*out, DecodeBase64(encoded->get_ref<const std::string&>()));
    return {};
  }
  if (any && value != nullptr && !value->is_string()) {
    *out = record.raw.at(name);
    return {};
  }
  return GetString(object, name, out);
}

struct NumberRange {
  double limit = 0;
  bool whole = false;
};

// A number, or text that is one (CSV). Leaves `out` alone when the field is missing or empty.
Status GetNumber(const nlohmann::json& object, const std::string& name, const NumberRange& range,
                 std::optional<double>* out) {
  const nlohmann::json* value = Find(object, name);
  if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty())) {
    return {};
  }
  std::optional<double> number;
  if (value->is_number()) {
    number = value->get<double>();
  } else if (value->is_string()) {
    number = ParseNumber<double>(value->get_ref<const std::string&>());
  }
  if (!number || !(*number >= 0 && *number <= range.limit)) {
    return FieldError(name, "is not a number in range");
  }
  if (range.whole && *number != std::floor(*number)) {
    return FieldError(name, "is not a whole number");
  }
  *out = number;
  return {};
}

Status GetTags(const nlohmann::json& object, const std::string& name,
               std::vector<std::string>* tags) {
  const nlohmann::json* value = Find(object, name);
  if (value == nullptr) {
    return {};
  }
  if (value->is_string()) {
    *tags = SplitList(value->get_ref<const std::string&>(), ';');
    return {};
  }
  if (!value->is_array()) {
    return FieldError(name, "is neither a list nor a string");
  }
  for (const nlohmann::json& tag : *value) {
    if (!tag.is_string()) {
      return FieldError(name, "holds something that is not a string");
    }
    tags->push_back(tag.get<std::string>());
  }
  return {};
}

Status GetVector(const nlohmann::json& object, const std::string& name,
                 std::vector<float>* vector) {
  const nlohmann::json* value = Find(object, name);
  if (value == nullptr) {
    return {};
  }
  if (value->is_string()) {
    const std::string& text = value->get_ref<const std::string&>();
    if (text.empty()) {
      return {};
    }
    if (text.front() == '@') {  // a line of data does not get to name files
      return FieldError(name, "is not a vector");
    }
    NEARHIT_ASSIGN_OR_RETURN(*vector, ParseVector(text));
    return {};
  }
  if (!value->is_array()) {
    return FieldError(name, "is not a list of numbers");
  }
  for (const nlohmann::json& component : *value) {
    const float number = component.is_number() ? component.get<float>() : NAN;
    if (!std::isfinite(number)) {
      return FieldError(name, "holds something that is not a finite number");
    }
    vector->push_back(number);
  }
  return {};
}

Status GetLifetime(const nlohmann::json& object, std::int64_t now_us, ImportRecord* record) {
  constexpr NumberRange kTime{.limit = 9e18, .whole = true};
  std::optional<double> ttl_ms;
  std::optional<double> expires_us;
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "ttl_ms", kTime, &ttl_ms));
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "expires_us", kTime, &expires_us));
  if (ttl_ms) {
    record->ttl_ms = static_cast<std::int64_t>(*ttl_ms);
  } else if (expires_us) {
    const std::int64_t left_ms = (static_cast<std::int64_t>(*expires_us) - now_us) / 1'000;
    if (left_ms <= 0) {
      return InvalidArgument("the entry has expired");
    }
    record->ttl_ms = left_ms;
  }
  return {};
}

Status GetMetadata(const nlohmann::json& object, ImportRecord* record) {
  std::optional<double> prompt_tokens;
  std::optional<double> answer_tokens;
  std::optional<double> cost;
  constexpr NumberRange kTokens{.limit = std::numeric_limits<std::uint32_t>::max(), .whole = true};
  constexpr NumberRange kCost{.limit = std::numeric_limits<double>::max()};
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "prompt_tokens", kTokens, &prompt_tokens));
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "answer_tokens", kTokens, &answer_tokens));
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "cost", kCost, &cost));
  record->prompt_tokens = static_cast<std::uint32_t>(prompt_tokens.value_or(0));
  record->answer_tokens = static_cast<std::uint32_t>(answer_tokens.value_or(0));
  record->cost = cost.value_or(0);
  return GetString(object, "content_type", &record->content_type);
}

}  // namespace

Status RecordFromJson(const JsonRecord& source, const RecordOptions& options,
                      ImportRecord* record) {
  const nlohmann::json& object = source.object;
  const FieldNames& fields = options.fields;
  const std::string& text_field = options.vectors ? fields.key : fields.text;
  NEARHIT_RETURN_IF_ERROR(GetString(object, text_field, &record->text));
  if (record->text.empty()) {
    return FieldError(text_field, "is missing or empty");
  }
  bool found = false;
  const std::string& answer_field = options.vectors ? fields.payload : fields.answer;
  NEARHIT_RETURN_IF_ERROR(GetBytes(source, answer_field, true, &found, &record->answer));
  if (!found && !options.vectors) {
    return FieldError(answer_field, "is missing");
  }
  NEARHIT_RETURN_IF_ERROR(GetBytes(source, fields.scope, false, &found, &record->scope));
  if (!found) {
    record->scope = options.scope;
  }
  NEARHIT_RETURN_IF_ERROR(GetVector(object, fields.vector, &record->vector));
  NEARHIT_RETURN_IF_ERROR(GetTags(object, fields.tags, &record->tags));
  NEARHIT_RETURN_IF_ERROR(GetString(object, fields.model, &record->model));
  NEARHIT_RETURN_IF_ERROR(GetLifetime(object, options.now_us, record));
  return GetMetadata(object, record);
}

Status VectorsDoNotFit(const std::string& file, std::size_t dimension, const std::string& name,
                       std::size_t wanted) {
  return InvalidArgument("the vectors of " + file + " have dimension " + std::to_string(dimension) +
                         ", namespace " + name + " has " + std::to_string(wanted));
}

void RecordToItem(ImportRecord record, v1::Durability durability, v1::StoreItem* item) {
  v1::Prompt& prompt = *item->mutable_prompt();
  prompt.set_scope(std::move(record.scope));
  prompt.set_slot(std::move(record.text));
  prompt.set_vector(EncodeVector(record.vector));
  item->set_answer(std::move(record.answer));
  v1::EntryMetadata& metadata = *item->mutable_metadata();
  metadata.set_content_type(std::move(record.content_type));
  metadata.set_model(std::move(record.model));
  metadata.set_prompt_tokens(record.prompt_tokens);
  metadata.set_answer_tokens(record.answer_tokens);
  metadata.set_cost(record.cost);
  metadata.mutable_tags()->Add(record.tags.begin(), record.tags.end());
  if (record.ttl_ms) {
    item->set_ttl_ms(*record.ttl_ms);
  }
  item->set_durability(durability);
}

void RecordToItem(ImportRecord record, v1::VectorItem* item) {
  item->set_key(std::move(record.text));
  item->set_vector(EncodeVector(record.vector));
  item->set_payload(std::move(record.answer));
  item->mutable_tags()->Add(record.tags.begin(), record.tags.end());
  if (record.ttl_ms) {
    item->set_ttl_ms(*record.ttl_ms);
  }
}

}  // namespace nearhit
