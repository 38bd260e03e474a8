// The same words in another order.
#pragma once

#include "engine/policy/text_words.h"

namespace nearhit {

// Whether two texts have the same words, with two groups of them exchanged where that matters:
// "from euro to dollar", but not "cats and dogs", nor a clause that was moved.
// Cost: linear, but for a sort of the words.
bool HasExchangedWords(const TextWords& a, const TextWords& b);

}  // namespace nearhit
