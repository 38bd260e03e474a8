// The guards of a namespace: rules over the texts of two prompts. Each names something that decides
// the answer, and refuses a hit where the prompts differ in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nearhit/result.h"

namespace nearhit {

// Values are stored and sent: they never change, a new one comes last. Checked in this order.
enum class Guard : std::uint8_t {
  kNumber = 0,  // amounts with their units, ordinals
  kTime = 1,    // months, weekdays, times of day, "yesterday"
  kCurrency = 2,
  kVersion = 3,
  kIdentifier = 4,  // letters with digits: models, order numbers, codes
  kQuoted = 5,      // quoted text, code
  kLink = 6,        // addresses of the web and of mail, paths
  kScript = 7,      // words in another script
  kPlace = 8,
  kProduct = 9,  // plan tiers, products of a bank, platforms
  kName = 10,    // a capitalised name in an otherwise equal sentence
  kGender = 11,
  kOrder = 12,  // the same words with two of them exchanged, directions
  kNegation = 13,
  kOpposite = 14,  // antonyms
  kFresh = 15,     // the answer is another one tomorrow: "right now", "today"
  kAction = 16,    // the prompt orders that something be done
};
inline constexpr std::array<std::string_view, 17> kGuardNames = {
    "number",  "time", "currency", "version", "identifier", "quoted",   "link",  "script", "place",
    "product", "name", "gender",   "order",   "negation",   "opposite", "fresh", "action"};

// Some of the guards.
//
// Thread-safety: a value.
class GuardSet {
 public:
  constexpr GuardSet() = default;  // none
  constexpr explicit GuardSet(std::uint32_t bits) : bits_(bits) {}
  static constexpr GuardSet All() { return GuardSet((1U << kGuardNames.size()) - 1); }

  constexpr bool Has(Guard guard) const {
    return (bits_ >> static_cast<unsigned>(guard) & 1U) != 0;
  }
  constexpr void Add(Guard guard) { bits_ |= 1U << static_cast<unsigned>(guard); }
  constexpr GuardSet Without(GuardSet other) const { return GuardSet(bits_ & ~other.bits_); }
  constexpr std::uint32_t bits() const { return bits_; }

  friend bool operator==(GuardSet, GuardSet) = default;

 private:
  std::uint32_t bits_ = 0;
};

constexpr std::string_view GuardName(Guard guard) {
  return kGuardNames[static_cast<std::size_t>(guard)];
}
// Nothing when no guard has this name.
std::optional<Guard> GuardNamed(std::string_view name);

// Names with commas between them, in the order of Guard; "all" is all of them. Empty: none.
std::string GuardsText(GuardSet guards);
// Errors: kInvalidArgument for a name that is none, with those that are.
Result<GuardSet> ParseGuards(std::string_view text);

}  // namespace nearhit
