// Numbers of a text, with their units: "2k" is "2,000" is "two thousand"; 90 minutes are 1.5 hours.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/policy/text_words.h"

namespace nearhit {

struct Quantity {
  double value = 0;        // in the own unit of its group
  std::uint16_t unit = 0;  // group of WordTable; 0: none
  bool ordinal = false;    // "third"

  // Of equal value, and of one unit unless one of them has none.
  bool Agrees(const Quantity& other) const;
};

// In the order of the text. `used` gets a flag for each word that is part of one.
std::vector<Quantity> QuantitiesOf(const TextWords& text, std::vector<bool>* used);

// Whether each of them has one that the other lacks.
bool Conflict(const std::vector<Quantity>& a, const std::vector<Quantity>& b);

}  // namespace nearhit
