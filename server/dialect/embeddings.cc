#include "server/dialect/embeddings.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include <simdjson.h>

#include "base/coding.h"
#include "nearhit/types.h"
#include "server/dialect/base64.h"
#include "server/dialect/cache_member.h"
#include "server/dialect/canonical_writer.h"
#include "server/dialect/digest.h"
#include "server/dialect/json_edit.h"
#include "server/dialect/request_fields.h"
#include "server/dialect/slot_finder.h"

namespace nearhit::server {
namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Array = simdjson::dom::array;

constexpr std::size_t kMaxEmbeddingsDepth = 64;
constexpr std::string_view kDigestMark = "sha256:";
constexpr std::string_view kNoUsage = R"({"prompt_tokens":0,"total_tokens":0})";

std::string SlotOf(std::string_view text) {
  const bool is_slot =
      !text.empty() && text.size() <= kMaxSlotBytes && !text.starts_with(kDigestMark);
  return is_slot ? std::string(text) : std::string(kDigestMark) + ToHex(Sha256(text));
}

std::optional<std::string> SlotOfTokens(Array tokens) {
  std::string text;
  for (const Element token : tokens) {
    std::int64_t number = 0;
    if (token.get(number) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    text += (text.empty() ? "" : " ") + std::to_string(number);
  }
  return text.empty() ? std::nullopt : std::optional(SlotOf(text));
}

class InputPlanner {
 public:
  InputPlanner(Object root, EmbeddingsPlan* plan)
      : root_(root), plan_(plan), writer_(&plan->canonical) {}

  // Returns why the request is not cached.
  std::string_view Run() {
    plan_->cache = ReadCacheMember(root_);
    plan_->model = TextOf(root_, "model");
    if (plan_->model.empty() || plan_->model.size() > kMaxModelBytes) {
      return "no_model";
    }
    if (!ReadEncoding()) {
      return "encoding_format";
    }
    if (!ReadInputs()) {
      return "input";
    }
    bool has_unknown = false;
    writer_.Members(root_, [this, &has_unknown](std::string_view name, Element value) {
      if (FieldRuleOf(Endpoint::kEmbeddings, name).use != FieldUse::kIgnored) {
        has_unknown = has_unknown || (name != "model" && name != "dimensions");
        writer_.Name(name);
        writer_.Value(value);
      }
    });
    writer_.Text(tokens_ ? "tokens" : "texts");
    if (has_unknown) {
      // It may say that vectors are something else than float32, which base64 does not show.
      writer_.Text(plan_->encoding == EmbeddingEncoding::kBase64 ? "base64" : "float");
    }
    return writer_.has_duplicates() ? "duplicate_member" : std::string_view();
  }

 private:
  bool ReadEncoding() {
    Element value;
    if (root_.at_key("encoding_format").get(value) != simdjson::SUCCESS || value.is_null()) {
      return true;
    }
    const std::string_view name = TextOf(value);
    plan_->encoding = name == "base64" ? EmbeddingEncoding::kBase64 : EmbeddingEncoding::kFloat;
    return name == "base64" || name == "float";
  }

  bool ReadInputs() {
    Element input;
    if (root_.at_key("input").get(input) != simdjson::SUCCESS) {
      return false;
    }
    Array list;
    if (input.get(list) != simdjson::SUCCESS) {
      return Add(input);
    }
    const Array::iterator first = list.begin();
    tokens_ = first != list.end() && ((*first).is_int64() || (*first).is_array());
    if (tokens_ && !(*first).is_array()) {
      return Add(input);
    }
    if (list.size() > kMaxEmbeddingInputs) {
      return false;
    }
    plan_->slots.reserve(list.size());
    for (const Element item : list) {
      if (!Add(item)) {
        return false;
      }
    }
    return !plan_->slots.empty();
  }

  bool Add(Element item) {
    std::string_view text;
    Array tokens;
    if (tokens_ && item.get(tokens) == simdjson::SUCCESS) {
      if (std::optional<std::string> slot = SlotOfTokens(tokens)) {
        plan_->slots.push_back(*std::move(slot));
        return true;
      }
    } else if (!tokens_ && item.get(text) == simdjson::SUCCESS) {
      plan_->slots.push_back(SlotOf(text));
      return true;
    }
    return false;
  }

  const Object root_;
  EmbeddingsPlan* const plan_;
  CanonicalWriter writer_;
  bool tokens_ = false;
};

Status NoAnswer(std::string_view why) {
  return InvalidArgument("the answer is none with embeddings: " + std::string(why));
}

std::optional<std::string> VectorOf(Element embedding) {
  std::string_view text;
  if (embedding.get(text) == simdjson::SUCCESS) {
    std::optional<std::string> bytes = FromBase64(text);
    return bytes && bytes->size() % sizeof(float) == 0 ? std::move(bytes) : std::nullopt;
  }
  Array numbers;
  if (embedding.get(numbers) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  std::string bytes;
  bytes.reserve(numbers.size() * sizeof(float));
  for (const Element number : numbers) {
    double value = 0;
    if (number.get(value) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    PutFixed(&bytes, static_cast<float>(value));
  }
  return bytes;
}

float ComponentAt(std::string_view vector, std::size_t at) {
  float value = 0;
  std::memcpy(&value, vector.data() + at, sizeof value);
  return value;
}

bool IsVector(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > kMaxDimension * sizeof(float)) {
    return false;
  }
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    if (!std::isfinite(ComponentAt(bytes, at))) {
      return false;
    }
  }
  return true;
}

Status ReadItem(Object item, EmbeddingsAnswer* answer) {
  std::uint64_t index = 0;
  Element embedding;
  for (const auto member : item) {
    if (member.key != "object" && member.key != "index" && member.key != "embedding") {
      return NoAnswer("an item has a member that is not known");
    }
  }
  if (item.at_key("index").get(index) != simdjson::SUCCESS || index >= answer->vectors.size() ||
      !answer->vectors[index].empty() ||
      item.at_key("embedding").get(embedding) != simdjson::SUCCESS) {
    return NoAnswer("an item has no index of its own, or no vector");
  }
  std::optional<std::string> vector = VectorOf(embedding);
  if (!vector || !IsVector(*vector)) {
    return NoAnswer("a vector is not of float32");
  }
  answer->vectors[index] = *std::move(vector);
  return Status();
}

void AppendFloats(std::string* out, std::string_view vector) {
  std::array<char, 32> text{};
  *out += '[';
  for (std::size_t at = 0; at < vector.size(); at += sizeof(float)) {
    const float value = ComponentAt(vector, at);
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
    *out += at == 0 ? "" : ",";
    out->append(text.data(), end);
    *out += value == 0 && std::signbit(value) ? ".0" : "";  // "-0" reads as the integer 0
  }
  *out += ']';
}

void AppendText(std::string* out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  *out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      *out += "\\u00";
      *out += kHex[static_cast<unsigned char>(c) >> 4U];
      *out += kHex[static_cast<unsigned char>(c) & 0xFU];
    } else {
      *out += c;
    }
  }
  *out += '"';
}

}  // namespace

class EmbeddingsPlanner::Parser {
 public:
  simdjson::dom::parser parser;
  std::size_t capacity = 0;
};

EmbeddingsPlanner::EmbeddingsPlanner() : parser_(std::make_unique<Parser>()) {
}

EmbeddingsPlanner::~EmbeddingsPlanner() = default;

EmbeddingsPlan EmbeddingsPlanner::Plan(std::string* body) {
  EmbeddingsPlan plan;
  plan.reason = "unparsable";
  if (body->size() > parser_->capacity) {
    if (parser_->parser.allocate(body->size(), kMaxEmbeddingsDepth) != simdjson::SUCCESS) {
      return plan;
    }
    parser_->capacity = body->size();
  }
  body->reserve(body->size() + simdjson::SIMDJSON_PADDING);
  Object root;
  if (parser_->parser.parse(body->data(), body->size(), false).get(root) == simdjson::SUCCESS) {
    plan.reason = InputPlanner(root, &plan).Run();
  }
  return plan;
}

std::optional<std::string> WithInputs(std::string_view body, std::span<const std::size_t> inputs) {
  return WithItems(body, "input", inputs);
}

Result<EmbeddingsAnswer> ReadEmbeddings(std::string_view body, std::size_t inputs) {
  simdjson::dom::parser parser;
  Object root;
  Array data;
  Object usage;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
      root.at_key("data").get(data) != simdjson::SUCCESS) {
    return NoAnswer("not an object with data");
  }
  EmbeddingsAnswer answer;
  answer.model = TextOf(root, "model");
  if (root.at_key("usage").get(usage) == simdjson::SUCCESS) {
    answer.usage = simdjson::minify(usage);
    if (usage.at_key("prompt_tokens").get(answer.prompt_tokens) != simdjson::SUCCESS) {
      answer.prompt_tokens = 0;
    }
  }
  answer.vectors.resize(inputs);
  std::size_t items = 0;
  for (const Element item : data) {
    Object object;
    if (item.get(object) != simdjson::SUCCESS) {
      return NoAnswer("an item is no object");
    }
    NEARHIT_RETURN_IF_ERROR(ReadItem(object, &answer));
    ++items;
  }
  if (items != inputs) {
    return NoAnswer(std::to_string(items) + " items for " + std::to_string(inputs) + " inputs");
  }
  for (const std::string& vector : answer.vectors) {
    if (vector.size() != answer.vectors.front().size()) {
      return NoAnswer("vectors of different dimensions");
    }
  }
  return answer;
}

std::string RenderEmbeddings(const EmbeddingsView& answer, EmbeddingEncoding encoding) {
  std::string out = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < answer.vectors.size(); ++i) {
    out += i == 0 ? "" : ",";
    out += R"({"object":"embedding","index":)" + std::to_string(i) + R"(,"embedding":)";
    if (encoding == EmbeddingEncoding::kFloat) {
      AppendFloats(&out, answer.vectors[i]);
    } else {
      out += '"';
      AppendBase64(&out, answer.vectors[i]);
      out += '"';
    }
    out += '}';
  }
  out += R"(],"model":)";
  AppendText(&out, answer.model);
  out += R"(,"usage":)";
  out += answer.usage.empty() ? kNoUsage : answer.usage;
  out += '}';
  return out;
}

}  // namespace nearhit::server
