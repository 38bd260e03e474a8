// What a question asks for.
#pragma once

#include <cstdint>

#include "engine/policy/text_words.h"

namespace nearhit {

enum class Question : std::uint8_t {
  kNone,  // no question, or one in a language whose questions are not read
  kWhat,  // what, which
  kWho,
  kWhere,
  kWhen,
  kWhy,  // reasons, causes
  kHow,
  kHowTo,    // ways, steps
  kHowMuch,  // and many, long, often, far, old
  kDefine,   // meaning, definition
  kCompare,  // difference
  kYesNo,
  kShould,  // yes or no, about what is right to do
  kCan,     // yes or no, about what is possible
  kWill,
};

// Cost: linear in the words.
Question QuestionOf(const TextWords& text);

}  // namespace nearhit
