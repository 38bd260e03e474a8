// What a pair of prompts has in common and what not, as numbers for the verifier.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "engine/policy/prompt_facts.h"

namespace nearhit {

// Each is the same when the prompts are exchanged: of what one side has, the names end with _most
// and _least of the two sides.
inline constexpr std::array<std::string_view, 56> kPairFeatureNames = {"cosine",
                                                                       "number_other",
                                                                       "number_added",
                                                                       "number_same",
                                                                       "unit_other",
                                                                       "place_other",
                                                                       "place_added",
                                                                       "name_other",
                                                                       "names_most",
                                                                       "names_least",
                                                                       "negation_odd",
                                                                       "negation_any",
                                                                       "opposite",
                                                                       "opposite_added",
                                                                       "question_same",
                                                                       "question_yes_no",
                                                                       "question_why",
                                                                       "question_how_to",
                                                                       "question_how_much",
                                                                       "question_when",
                                                                       "question_where",
                                                                       "question_who",
                                                                       "question_define",
                                                                       "question_compare",
                                                                       "question_what",
                                                                       "persons",
                                                                       "person_i",
                                                                       "persons_third",
                                                                       "quantities",
                                                                       "modals",
                                                                       "past",
                                                                       "prepositions_most",
                                                                       "prepositions_least",
                                                                       "gender",
                                                                       "gender_other",
                                                                       "tone_other",
                                                                       "tone",
                                                                       "qualifiers",
                                                                       "script_other",
                                                                       "sentences",
                                                                       "lacking_most",
                                                                       "lacking_least",
                                                                       "lacked_word_most",
                                                                       "lacked_word_least",
                                                                       "lacked_most",
                                                                       "lacked_least",
                                                                       "shared_telling",
                                                                       "shared",
                                                                       "same_words",
                                                                       "inversions",
                                                                       "reordered",
                                                                       "length_most",
                                                                       "length_least",
                                                                       "length_ratio",
                                                                       "length_apart",
                                                                       "first_word_same"};
using PairFeatures = std::array<float, kPairFeatureNames.size()>;

// `cosine` is that of the prompts' vectors.
// Cost: linear in the words but for a sort; some microseconds for questions.
PairFeatures FeaturesOf(const PromptFacts& a, const PromptFacts& b, float cosine);

}  // namespace nearhit
