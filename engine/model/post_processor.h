// The part of tokenizer.json that says which tokens stand around a text.
#pragma once

#include "engine/model/strict_json.h"
#include "engine/model/tokenizer_spec.h"
#include "nearhit/result.h"

namespace nearhit {

// Reads "post_processor" of `root` (null, TemplateProcessing or BertProcessing) into spec->before
// and spec->after.
//
// Errors: kInvalidArgument, naming the file, the key and what was expected.
Status ReadPostProcessor(const JsonObject& root, TokenizerSpec* spec);

}  // namespace nearhit
