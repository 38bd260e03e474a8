// Guards and the verifier. Input: a length byte and a text; another text. Whatever the texts, they
// are read, what is said of them does not depend on the sides, and a text agrees with itself.

#include <cmath>
#include <string>

#include "engine/policy/guards.h"
#include "engine/policy/pair_features.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit {
namespace {

void Run(FuzzInput input) {
  const std::string_view first = input.Short();
  const PromptFacts a(first);
  const PromptFacts b(input.Rest());
  FUZZ_CHECK(FindConflict(a, b, GuardSet::All()) == FindConflict(b, a, GuardSet::All()));
  const std::optional<Guard> self = FindConflict(a, PromptFacts(first), GuardSet::All());
  FUZZ_CHECK(!self || *self == Guard::kFresh || *self == Guard::kAction);
  const PairFeatures features = FeaturesOf(a, b, 0.9F);
  FUZZ_CHECK(features == FeaturesOf(b, a, 0.9F));
  for (const float value : features) {
    FUZZ_CHECK(std::isfinite(value));
  }
}

}  // namespace
}  // namespace nearhit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::Run(nearhit::FuzzInput(data, size));
  return 0;
}
