#include "cli/record_reader.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/utf8.h"
#include "cli/parse.h"

namespace nearhit {
namespace {

using nlohmann::json;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Status FieldError(std::string_view field, const char* what) {
  return InvalidArgument("field '" + std::string(field) + "' " + what);
}

const json* Find(const json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Status GetString(const json& object, const std::string& name, std::string* out) {
  if (const json* value = Find(object, name)) {
    if (!value->is_string()) {
      return FieldError(name, "is not a string");
    }
    *out = value->get_ref<const std::string&>();
  }
  return {};
}

// Text, or bytes under `name` + "_base64"; any other JSON value as JSON text when `any`.
Status GetBytes(const json& object, const std::string& name, bool any, bool* found,
                std::string* out) {
  const json* encoded = Find(object, name + "_base64");
  const json* value = Find(object, name);
  *found = encoded != nullptr || value != nullptr;
  if (encoded != nullptr) {
    if (!encoded->is_string()) {
      return FieldError(name + "_base64", "is not a string");
    }
    NEARHIT_ASSIGN_OR_RETURN(*out, DecodeBase64(encoded->get_ref<const std::string&>()));
    return {};
  }
  if (any && value != nullptr && !value->is_string()) {
    *out = value->dump();
    return {};
  }
  return GetString(object, name, out);
}

// A number, or text that is one (CSV). Leaves `out` alone when the field is missing or empty.
Status GetNumber(const json& object, const std::string& name, double limit,
                 std::optional<double>* out) {
  const json* value = Find(object, name);
  if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty())) {
    return {};
  }
  double number = std::numeric_limits<double>::quiet_NaN();
  if (value->is_number()) {
    number = value->get<double>();
  } else if (value->is_string()) {
    const json parsed = json::parse(value->get_ref<const std::string&>(), nullptr, false);
    if (parsed.is_number()) {
      number = parsed.get<double>();
    }
  }
  if (!(number >= 0 && number <= limit)) {
    return FieldError(name, "is not a number in range");
  }
  *out = number;
  return {};
}

Status GetTags(const json& object, const std::string& name, std::vector<std::string>* tags) {
  const json* value = Find(object, name);
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
  for (const json& tag : *value) {
    if (!tag.is_string()) {
      return FieldError(name, "holds something that is not a string");
    }
    tags->push_back(tag.get<std::string>());
  }
  return {};
}

Status GetVector(const json& object, const std::string& name, std::vector<float>* vector) {
  const json* value = Find(object, name);
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
  for (const json& component : *value) {
    const float number = component.is_number() ? component.get<float>() : NAN;
    if (!std::isfinite(number)) {
      return FieldError(name, "holds something that is not a finite number");
    }
    vector->push_back(number);
  }
  return {};
}

Status GetLifetime(const json& object, std::int64_t now_us, ImportRecord* record) {
  constexpr double kMax = 9e18;
  std::optional<double> ttl_ms;
  std::optional<double> expires_us;
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "ttl_ms", kMax, &ttl_ms));
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "expires_us", kMax, &expires_us));
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

Status GetMetadata(const json& object, ImportRecord* record) {
  std::optional<double> prompt_tokens;
  std::optional<double> answer_tokens;
  std::optional<double> cost;
  constexpr double kMaxTokens = std::numeric_limits<std::uint32_t>::max();
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "prompt_tokens", kMaxTokens, &prompt_tokens));
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "answer_tokens", kMaxTokens, &answer_tokens));
  NEARHIT_RETURN_IF_ERROR(GetNumber(object, "cost", std::numeric_limits<double>::max(), &cost));
  record->prompt_tokens = static_cast<std::uint32_t>(prompt_tokens.value_or(0));
  record->answer_tokens = static_cast<std::uint32_t>(answer_tokens.value_or(0));
  record->cost = cost.value_or(0);
  return GetString(object, "content_type", &record->content_type);
}

std::string ExpandTemplate(const std::string& pattern, const std::string& line) {
  std::string text;
  std::size_t at = 0;
  for (std::size_t next = pattern.find("{}"); next != std::string::npos;
       next = pattern.find("{}", at)) {
    text.append(pattern, at, next - at).append(line);
    at = next + 2;
  }
  return text.append(pattern, at);
}

}  // namespace

ImportFormat GuessImportFormat(std::string_view path) {
  if (path.ends_with(".gz")) {
    path.remove_suffix(3);
  }
  if (path.ends_with(".jsonl") || path.ends_with(".ndjson") || path.ends_with(".json")) {
    return ImportFormat::kJsonl;
  }
  if (path.ends_with(".csv")) {
    return ImportFormat::kCsv;
  }
  return path.ends_with(".tsv") ? ImportFormat::kTsv : ImportFormat::kLines;
}

Status RecordFromJson(const nlohmann::json& json, const RecordOptions& options,
                      ImportRecord* record) {
  if (!json.is_object()) {
    return InvalidArgument("not a JSON object");
  }
  const FieldNames& fields = options.fields;
  const std::string& text_field = options.vectors ? fields.key : fields.text;
  NEARHIT_RETURN_IF_ERROR(GetString(json, text_field, &record->text));
  if (record->text.empty()) {
    return FieldError(text_field, "is missing or empty");
  }
  bool found = false;
  const std::string& answer_field = options.vectors ? fields.payload : fields.answer;
  NEARHIT_RETURN_IF_ERROR(GetBytes(json, answer_field, true, &found, &record->answer));
  if (!found && !options.vectors) {
    return FieldError(answer_field, "is missing");
  }
  NEARHIT_RETURN_IF_ERROR(GetBytes(json, fields.scope, false, &found, &record->scope));
  if (!found) {
    record->scope = options.scope;
  }
  NEARHIT_RETURN_IF_ERROR(GetVector(json, fields.vector, &record->vector));
  NEARHIT_RETURN_IF_ERROR(GetTags(json, fields.tags, &record->tags));
  NEARHIT_RETURN_IF_ERROR(GetString(json, fields.model, &record->model));
  NEARHIT_RETURN_IF_ERROR(GetLifetime(json, options.now_us, record));
  return GetMetadata(json, record);
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

RecordReader::RecordReader(LineReader* lines, RecordOptions options)
    : lines_(lines),
      options_(std::move(options)),
      csv_(lines, options_.format == ImportFormat::kTsv
                      ? CsvOptions{.delimiter = '\t', .quotes = false}
                      : CsvOptions{}) {
}

Result<bool> RecordReader::Next(ImportRecord* record) {
  *record = ImportRecord{};
  const bool csv = options_.format == ImportFormat::kCsv || options_.format == ImportFormat::kTsv;
  NEARHIT_ASSIGN_OR_RETURN(const bool more, csv ? NextCsv(record) : NextLine(record));
  if (more && !IsValidUtf8(record->text)) {
    return InvalidArgument("the text is not valid UTF-8");
  }
  return more;
}

Result<bool> RecordReader::NextLine(ImportRecord* record) {
  do {
    Result<bool> more = lines_->Next(&line_);
    record->line = record->end_line = lines_->line_number();
    if (!more.ok() && record->end_line <= skip_through_ &&
        more.status().code() == StatusCode::kInvalidArgument) {
      line_.clear();
      continue;  // was reported when it was read first
    }
    if (!more.ok() || !*more) {
      return more;
    }
    if (record->line == 1 && line_.starts_with(kByteOrderMark)) {
      line_.erase(0, kByteOrderMark.size());
    }
  } while (record->end_line <= skip_through_ ||
           line_.find_first_not_of(" \t") == std::string::npos);
  record->row = record->line - 1;
  if (options_.format == ImportFormat::kJsonl) {
    const auto json = nlohmann::json::parse(line_, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) {
      return InvalidArgument("not valid JSON");
    }
    NEARHIT_RETURN_IF_ERROR(RecordFromJson(json, options_, record));
    return true;
  }
  record->scope = options_.scope;
  record->text = line_;
  record->answer =
      options_.answer_template.empty() ? line_ : ExpandTemplate(options_.answer_template, line_);
  return true;
}

Result<bool> RecordReader::NextCsv(ImportRecord* record) {
  do {
    Result<bool> more = csv_.Next(&cells_);
    record->line = csv_.record_line();
    record->end_line = lines_->line_number();
    if (!more.ok() && record->end_line <= skip_through_ &&
        more.status().code() == StatusCode::kInvalidArgument) {
      ++rows_;
      continue;
    }
    if (more.ok() && !*more) {
      return false;
    }
    if (more.ok() && record->line == 1 && cells_[0].starts_with(kByteOrderMark)) {
      cells_[0].erase(0, kByteOrderMark.size());
    }
    if (!header_read_ && options_.columns.empty()) {
      if (!more.ok()) {  // without names nothing that follows means anything
        return FailedPrecondition("bad header: " + std::string(more.status().message()));
      }
      options_.columns = cells_;
      header_read_ = true;
      record->end_line = 0;
      continue;
    }
    record->row = rows_++;
    if (!more.ok()) {
      return more;
    }
  } while (record->end_line == 0 || record->end_line <= skip_through_);
  if (cells_.size() != options_.columns.size()) {
    return InvalidArgument(std::to_string(cells_.size()) + " cells for " +
                           std::to_string(options_.columns.size()) + " columns");
  }
  nlohmann::json json = nlohmann::json::object();
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    json[options_.columns[i]] = std::move(cells_[i]);
  }
  NEARHIT_RETURN_IF_ERROR(RecordFromJson(json, options_, record));
  return true;
}

}  // namespace nearhit
