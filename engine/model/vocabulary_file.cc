// ParseVocabulary of tokenizer_json.h.
#include <algorithm>
#include <map>
#include <utility>

#include "base/utf8.h"
#include "engine/model/strict_json.h"
#include "engine/model/tokenizer_json.h"

namespace nearhit {
namespace {

constexpr std::string_view kVocabularyFile = "vocab.txt";
constexpr std::string_view kConfigFile = "tokenizer_config.json";
constexpr std::size_t kMaxVocabulary = std::size_t{1} << 22;
constexpr std::size_t kMaxBytes = (std::size_t{1} << 24) - 2;  // VocabularyTrie's limit

Status Wrong(std::size_t line, std::string_view what) {
  return InvalidArgument(std::string(kVocabularyFile) + ": line " + std::to_string(line) + " " +
                         std::string(what));
}

Result<std::vector<std::string>> ReadLines(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return InvalidArgument(std::string(kVocabularyFile) + ": " + std::to_string(text.size()) +
                           " bytes, expected at most " + std::to_string(kMaxBytes));
  }
  std::vector<std::string> tokens;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (!IsValidUtf8(line)) {
      return Wrong(tokens.size() + 1, "is no UTF-8, expected one token");
    }
    if (tokens.size() == kMaxVocabulary) {
      return Wrong(tokens.size() + 1, "is one too many");
    }
    tokens.emplace_back(line);
  }
  return tokens;
}

// A special token is its text, or an object that has the text as "content".
Result<std::string> TokenName(const JsonObject& config, std::string_view key,
                              std::string_view fallback) {
  const Json* value = config.Find(key);
  if (value != nullptr && value->is_object()) {
    NEARHIT_ASSIGN_OR_RETURN(const JsonObject token, config.Object(key));
    return token.String("content");
  }
  return config.StringOr(key, fallback);
}

}  // namespace

Result<TokenizerSpec> ParseVocabulary(std::string_view vocabulary, std::string_view config) {
  NEARHIT_ASSIGN_OR_RETURN(const Json value, ParseStrictJson(config, kConfigFile));
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject root, JsonObject::Of(value, kConfigFile, ""));
  TokenizerSpec spec;
  NEARHIT_ASSIGN_OR_RETURN(spec.tokens, ReadLines(vocabulary));
  BertNormalizerOptions normalizer;
  NEARHIT_ASSIGN_OR_RETURN(normalizer.lower_case, root.BoolOr("do_lower_case", true));
  NEARHIT_ASSIGN_OR_RETURN(normalizer.strip_accents,
                           root.BoolOr("strip_accents", normalizer.lower_case));
  NEARHIT_ASSIGN_OR_RETURN(normalizer.ideograph_spaces,
                           root.BoolOr("tokenize_chinese_chars", true));
  spec.normalizer.emplace_back(normalizer);

  std::map<std::string_view, std::int32_t> ids;
  for (const auto& [key, fallback] :
       {std::pair<std::string_view, std::string_view>{"unk_token", "[UNK]"},
        {"sep_token", "[SEP]"},
        {"pad_token", "[PAD]"},
        {"cls_token", "[CLS]"},
        {"mask_token", "[MASK]"}}) {
    NEARHIT_ASSIGN_OR_RETURN(std::string name, TokenName(root, key, fallback));
    const auto found = std::find(spec.tokens.begin(), spec.tokens.end(), name);
    if (found == spec.tokens.end() || name.empty()) {
      return InvalidArgument(std::string(kVocabularyFile) + ": token \"" + name +
                             "\" is missing, expected by key \"" + std::string(key) + "\" of " +
                             std::string(kConfigFile));
    }
    ids[key] = static_cast<std::int32_t>(found - spec.tokens.begin());
    spec.special.push_back({std::move(name), ids[key]});
  }
  WordPieceOptions model;
  model.unknown_id = ids["unk_token"];
  spec.model = model;
  spec.before = {ids["cls_token"]};
  spec.after = {ids["sep_token"]};
  return spec;
}

}  // namespace nearhit
