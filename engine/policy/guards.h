// Guards: rules over the texts of two prompts. Each names something that decides the answer, and
// refuses a hit where the prompts differ in it. They are deterministic, symmetric and know only
// the two texts.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "engine/policy/prompt_facts.h"
#include "nearhit/guard.h"

namespace nearhit {

// The first guard, in the order of Guard, that refuses to answer one prompt with what was stored
// for the other.
std::optional<Guard> FindConflict(const PromptFacts& a, const PromptFacts& b, GuardSet on);

// All guards that refuse it. Cost: that of FindConflict for each.
GuardSet FindConflicts(const PromptFacts& a, const PromptFacts& b);

}  // namespace nearhit
