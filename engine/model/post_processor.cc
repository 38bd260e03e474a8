#include "engine/model/post_processor.h"

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace nearhit {
namespace {

constexpr std::size_t kMaxId = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kMaxAround = 16;  // tokens before a text, and after it

// Appends special_tokens[name].ids of a template.
Status AppendIds(const JsonObject& processor, const std::string& name,
                 std::vector<std::int32_t>* ids) {
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject tokens, processor.Object("special_tokens"));
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject token, tokens.Object(name));
  NEARHIT_ASSIGN_OR_RETURN(const Json* list, token.Array("ids"));
  for (const Json& id : *list) {
    if (!id.is_number_unsigned() || id.get<std::size_t>() > kMaxId || ids->size() == kMaxAround) {
      return token.Wrong("ids", "a few ids of tokens");
    }
    ids->push_back(id.get<std::int32_t>());
  }
  return Status();
}

// "single" is a list of {"SpecialToken": {"id": …}} with one {"Sequence": {"id": "A"}} among them.
Status ReadTemplate(const JsonObject& processor, TokenizerSpec* spec) {
  NEARHIT_ASSIGN_OR_RETURN(const Json* single, processor.Array("single"));
  bool text_seen = false;
  for (std::size_t i = 0; i < single->size(); ++i) {
    const std::string where = processor.Path("single") + "[" + std::to_string(i) + "]";
    NEARHIT_ASSIGN_OR_RETURN(const JsonObject part,
                             JsonObject::Of((*single)[i], processor.file(), where));
    if (part.Find("Sequence") != nullptr) {
      NEARHIT_ASSIGN_OR_RETURN(const JsonObject sequence, part.Object("Sequence"));
      const Json* id = sequence.Find("id");
      if (id == nullptr || *id != "A" || text_seen) {
        return sequence.Wrong("id", "\"A\", once");
      }
      text_seen = true;
      continue;
    }
    NEARHIT_ASSIGN_OR_RETURN(const JsonObject special, part.Object("SpecialToken"));
    NEARHIT_ASSIGN_OR_RETURN(const std::string name, special.String("id"));
    NEARHIT_RETURN_IF_ERROR(AppendIds(processor, name, text_seen ? &spec->after : &spec->before));
  }
  return text_seen ? Status() : processor.Wrong("single", "the sequence A among its parts");
}

// "cls" and "sep" are pairs of a token and its id.
Status ReadPair(const JsonObject& processor, std::string_view key, std::vector<std::int32_t>* ids) {
  NEARHIT_ASSIGN_OR_RETURN(const Json* pair, processor.Array(key));
  if (pair->size() != 2 || !(*pair)[1].is_number_unsigned() ||
      (*pair)[1].get<std::size_t>() > kMaxId) {
    return processor.Wrong(key, "a token and its id");
  }
  ids->push_back((*pair)[1].get<std::int32_t>());
  return Status();
}

}  // namespace

Status ReadPostProcessor(const JsonObject& root, TokenizerSpec* spec) {
  if (root.Find("post_processor") == nullptr) {
    return Status();
  }
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject processor, root.Object("post_processor"));
  NEARHIT_ASSIGN_OR_RETURN(const std::string type, processor.String("type"));
  if (type == "TemplateProcessing") {
    return ReadTemplate(processor, spec);
  }
  if (type == "BertProcessing") {
    NEARHIT_RETURN_IF_ERROR(ReadPair(processor, "cls", &spec->before));
    return ReadPair(processor, "sep", &spec->after);
  }
  return processor.Wrong("type", "TemplateProcessing or BertProcessing");
}

}  // namespace nearhit
