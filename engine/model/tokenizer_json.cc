#include "engine/model/tokenizer_json.h"

#include <algorithm>
#include <utility>

#include "engine/model/post_processor.h"
#include "engine/model/strict_json.h"
#include "engine/model/unicode.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxTokens = std::size_t{1} << 22;
constexpr std::size_t kMaxTrieBytes = std::size_t{1} << 24;  // VocabularyTrie's limit
constexpr std::size_t kMaxCharactersPerWord = 10'000;

// "type" of an object that describes a component.
Result<std::string> TypeOf(const JsonObject& component) {
  return component.String("type");
}

Status Unsupported(const JsonObject& component, std::string_view expected) {
  return component.Wrong("type", expected);
}

Result<NormalizerStep> ReadReplace(const JsonObject& step) {
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject pattern, step.Object("pattern"));
  NEARHIT_ASSIGN_OR_RETURN(std::string content, step.String("content"));
  if (pattern.Find("Regex") != nullptr) {
    NEARHIT_ASSIGN_OR_RETURN(const std::string regex, pattern.String("Regex"));
    if (regex != "\\s+") {
      return pattern.Wrong("Regex", "\"\\\\s+\", the only regular expression that is supported");
    }
    return NormalizerStep(CollapseSpaceStep{std::move(content)});
  }
  NEARHIT_ASSIGN_OR_RETURN(std::string text, pattern.String("String"));
  if (text.empty()) {
    return pattern.Wrong("String", "at least one character");
  }
  return NormalizerStep(ReplaceStep{std::move(text), std::move(content)});
}

Result<NormalizerStep> ReadBertNormalizer(const JsonObject& step) {
  BertNormalizerOptions options;
  NEARHIT_ASSIGN_OR_RETURN(options.clean_text, step.BoolOr("clean_text", true));
  NEARHIT_ASSIGN_OR_RETURN(options.ideograph_spaces, step.BoolOr("handle_chinese_chars", true));
  NEARHIT_ASSIGN_OR_RETURN(options.lower_case, step.BoolOr("lowercase", true));
  NEARHIT_ASSIGN_OR_RETURN(options.strip_accents, step.BoolOr("strip_accents", options.lower_case));
  return NormalizerStep(options);
}

Result<NormalizerStep> ReadStep(const JsonObject& step) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string type, TypeOf(step));
  if (type == "BertNormalizer") {
    return ReadBertNormalizer(step);
  }
  if (type == "Lowercase") {
    return NormalizerStep(LowercaseStep{});
  }
  if (type == "Strip") {
    StripStep strip{};
    NEARHIT_ASSIGN_OR_RETURN(strip.left, step.BoolOr("strip_left", true));
    NEARHIT_ASSIGN_OR_RETURN(strip.right, step.BoolOr("strip_right", true));
    return NormalizerStep(strip);
  }
  if (type == "Replace") {
    return ReadReplace(step);
  }
  return Unsupported(step, "one of BertNormalizer, Lowercase, Strip, Replace, Sequence");
}

Status ReadNormalizer(const JsonObject& root, std::vector<NormalizerStep>* steps) {
  if (root.Find("normalizer") == nullptr) {
    return Status();
  }
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject normalizer, root.Object("normalizer"));
  NEARHIT_ASSIGN_OR_RETURN(const std::string type, TypeOf(normalizer));
  if (type != "Sequence") {
    NEARHIT_ASSIGN_OR_RETURN(NormalizerStep step, ReadStep(normalizer));
    steps->push_back(std::move(step));
    return Status();
  }
  NEARHIT_ASSIGN_OR_RETURN(const Json* list, normalizer.Array("normalizers"));
  for (std::size_t i = 0; i < list->size(); ++i) {
    NEARHIT_ASSIGN_OR_RETURN(
        const JsonObject item,
        JsonObject::Of((*list)[i], root.file(),
                       normalizer.Path("normalizers") + "[" + std::to_string(i) + "]"));
    NEARHIT_ASSIGN_OR_RETURN(NormalizerStep step, ReadStep(item));
    steps->push_back(std::move(step));
  }
  return Status();
}

Status CheckTokenBytes(const JsonObject& model, const std::vector<std::string>& tokens) {
  std::size_t bytes = 0;
  for (const std::string& token : tokens) {
    bytes += token.size();
  }
  if (tokens.empty() || bytes >= kMaxTrieBytes - 2) {
    return model.Wrong("vocab", "1.." + std::to_string(kMaxTokens) + " tokens of less than " +
                                    std::to_string(kMaxTrieBytes) + " bytes in all");
  }
  return Status();
}

// {"token": id}: every id below the number of tokens, once.
Result<std::vector<std::string>> ReadVocabularyObject(const JsonObject& model) {
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject vocab, model.Object("vocab"));
  const auto& entries = model.Find("vocab")->get_ref<const Json::object_t&>();
  std::vector<std::string> tokens(std::min(entries.size(), kMaxTokens + 1));
  std::vector<bool> seen(tokens.size(), false);
  for (const auto& [token, value] : entries) {
    const auto id = value.is_number_unsigned() ? value.get<std::size_t>() : tokens.size();
    if (id >= tokens.size()) {
      return vocab.Wrong(token,
                         "an id below the number of tokens, " + std::to_string(tokens.size()));
    }
    if (seen[id]) {
      return vocab.Wrong(token, "an id that no other token has");
    }
    seen[id] = true;
    tokens[id] = token;
  }
  NEARHIT_RETURN_IF_ERROR(CheckTokenBytes(model, tokens));
  return tokens;
}

Status ReadWordPiece(const JsonObject& model, TokenizerSpec* spec) {
  NEARHIT_ASSIGN_OR_RETURN(spec->tokens, ReadVocabularyObject(model));
  WordPieceOptions options;
  NEARHIT_ASSIGN_OR_RETURN(const std::string unknown, model.String("unk_token"));
  const auto found = std::find(spec->tokens.begin(), spec->tokens.end(), unknown);
  if (found == spec->tokens.end()) {
    return model.Wrong("unk_token", "a token of the vocabulary");
  }
  options.unknown_id = static_cast<std::int32_t>(found - spec->tokens.begin());
  NEARHIT_ASSIGN_OR_RETURN(const std::string prefix,
                           model.StringOr("continuing_subword_prefix", "##"));
  if (prefix != kContinuingPrefix) {
    return model.Wrong("continuing_subword_prefix", "\"##\"");
  }
  if (model.Find("max_input_chars_per_word") != nullptr) {
    NEARHIT_ASSIGN_OR_RETURN(options.max_characters_per_word,
                             model.Integer("max_input_chars_per_word", 1, kMaxCharactersPerWord));
  }
  spec->model = options;
  return Status();
}

Status ReadUnigram(const JsonObject& model, TokenizerSpec* spec) {
  NEARHIT_ASSIGN_OR_RETURN(const bool byte_fallback, model.BoolOr("byte_fallback", false));
  if (byte_fallback) {
    return model.Wrong("byte_fallback", "false");
  }
  NEARHIT_ASSIGN_OR_RETURN(const Json* vocab, model.Array("vocab"));
  for (const Json& entry : *vocab) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number() ||
        spec->tokens.size() == kMaxTokens) {
      return model.Wrong(
          "vocab", "pairs of a token and a score, here at " + std::to_string(spec->tokens.size()));
    }
    spec->tokens.push_back(entry[0].get<std::string>());
    spec->scores.push_back(entry[1].get<double>());
  }
  NEARHIT_RETURN_IF_ERROR(CheckTokenBytes(model, spec->tokens));
  UnigramOptions options;
  NEARHIT_ASSIGN_OR_RETURN(const std::size_t unknown,
                           model.Integer("unk_id", 0, spec->tokens.size() - 1));
  options.unknown_id = static_cast<std::int32_t>(unknown);
  spec->model = options;
  return Status();
}

Status ReadMetaspace(const JsonObject& metaspace, UnigramOptions* options) {
  NEARHIT_ASSIGN_OR_RETURN(options->replacement, metaspace.StringOr("replacement", "\u2581"));
  std::size_t end = 0;
  if (!options->replacement.empty()) {
    DecodeUtf8(options->replacement, &end);
  }
  if (end == 0 || end != options->replacement.size()) {
    return metaspace.Wrong("replacement", "one character");
  }
  NEARHIT_ASSIGN_OR_RETURN(options->split, metaspace.BoolOr("split", true));
  NEARHIT_ASSIGN_OR_RETURN(const bool add_prefix_space, metaspace.BoolOr("add_prefix_space", true));
  NEARHIT_ASSIGN_OR_RETURN(
      const std::string scheme,
      metaspace.StringOr("prepend_scheme", add_prefix_space ? "always" : "never"));
  if (scheme != "always" && scheme != "never") {
    return metaspace.Wrong("prepend_scheme", "\"always\" or \"never\"");
  }
  options->prepend = scheme == "always";
  return Status();
}

Status ReadModel(const JsonObject& root, TokenizerSpec* spec) {
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject model, root.Object("model"));
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject splitter, root.Object("pre_tokenizer"));
  NEARHIT_ASSIGN_OR_RETURN(const std::string type, model.StringOr("type", "WordPiece"));
  NEARHIT_ASSIGN_OR_RETURN(const std::string split, TypeOf(splitter));
  if (type == "WordPiece") {
    if (split != "BertPreTokenizer") {
      return Unsupported(splitter, "BertPreTokenizer for a WordPiece model");
    }
    return ReadWordPiece(model, spec);
  }
  if (type != "Unigram") {
    return Unsupported(model, "WordPiece or Unigram");
  }
  if (split != "Metaspace") {
    return Unsupported(splitter, "Metaspace for a Unigram model");
  }
  NEARHIT_RETURN_IF_ERROR(ReadUnigram(model, spec));
  return ReadMetaspace(splitter, &std::get<UnigramOptions>(spec->model));
}

// An added token is a token of the vocabulary, or the next id after it.
Result<SpecialToken> ReadAdded(const JsonObject& entry, const TokenizerSpec& spec,
                               std::size_t* next_id) {
  for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"}) {
    NEARHIT_ASSIGN_OR_RETURN(const bool on, entry.BoolOr(flag, false));
    if (on) {
      return entry.Wrong(flag, "false");
    }
  }
  NEARHIT_ASSIGN_OR_RETURN(std::string content, entry.String("content"));
  if (content.empty()) {
    return entry.Wrong("content", "at least one character");
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::size_t id, entry.Integer("id", 0, kMaxTokens));
  const auto found = std::find(spec.tokens.begin(), spec.tokens.end(), content);
  const std::size_t expected = found == spec.tokens.end()
                                   ? (*next_id)++
                                   : static_cast<std::size_t>(found - spec.tokens.begin());
  if (id != expected) {
    return entry.Wrong("id", std::to_string(expected) + ", its id by the vocabulary");
  }
  return SpecialToken{std::move(content), static_cast<std::int32_t>(id)};
}

Status ReadAddedTokens(const JsonObject& root, TokenizerSpec* spec) {
  if (root.Find("added_tokens") == nullptr) {
    return Status();
  }
  NEARHIT_ASSIGN_OR_RETURN(const Json* list, root.Array("added_tokens"));
  if (list->size() > 1'000) {
    return root.Wrong("added_tokens", "at most 1000 tokens");
  }
  std::size_t next_id = spec->tokens.size();
  for (std::size_t i = 0; i < list->size(); ++i) {
    NEARHIT_ASSIGN_OR_RETURN(
        const JsonObject entry,
        JsonObject::Of((*list)[i], root.file(), "added_tokens[" + std::to_string(i) + "]"));
    NEARHIT_ASSIGN_OR_RETURN(SpecialToken token, ReadAdded(entry, *spec, &next_id));
    spec->special.push_back(std::move(token));
  }
  return Status();
}

}  // namespace

Result<TokenizerSpec> ParseTokenizerJson(std::string_view json, std::string_view file) {
  NEARHIT_ASSIGN_OR_RETURN(const Json value, ParseStrictJson(json, file));
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject root, JsonObject::Of(value, file, ""));
  TokenizerSpec spec;
  NEARHIT_RETURN_IF_ERROR(ReadModel(root, &spec));
  NEARHIT_RETURN_IF_ERROR(ReadNormalizer(root, &spec.normalizer));
  NEARHIT_RETURN_IF_ERROR(ReadAddedTokens(root, &spec));
  NEARHIT_RETURN_IF_ERROR(ReadPostProcessor(root, &spec));
  return spec;
}

}  // namespace nearhit
