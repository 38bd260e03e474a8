// The decision to serve: whether an entry that was found by meaning may answer a prompt.
//
// A policy reads nothing and has no clock. It gets all that it may know as Evidence, so that each
// rule is tested with a table.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/hash.h"
#include "engine/policy/lessons.h"
#include "engine/policy/traffic.h"
#include "nearhit/label.h"
#include "nearhit/lookup.h"
#include "nearhit/options.h"

namespace nearhit {

// What is known of a candidate. Views are valid during the call only.
struct Evidence {
  std::string_view asked;    // the slot of the prompt
  std::string_view matched;  // the slot of the entry
  float score = 0;           // of the namespace's metric
  // What the caller of the lookup wants at least.
  std::optional<float> min_score{};
  Hash128 entry{};  // the key of the entry, as lessons have it; none where there are no lessons
};

struct Verdict {
  bool serve = false;
  MissReason reason = MissReason::kNone;  // when it is not served
  std::string_view rule{};                // the name of the rule that decided; a literal
  // The logarithm of the odds that the answer serves, where it was estimated.
  std::optional<float> odds{};
};

// Thread-safety: const methods thread-safe.
class ServingPolicy {
 public:
  virtual ~ServingPolicy() = default;
  ServingPolicy(const ServingPolicy&) = delete;
  ServingPolicy& operator=(const ServingPolicy&) = delete;

  // The score under which nothing is served, whatever else is known of it. Lookups search for what
  // reaches it, and read nothing else.
  virtual float LeastScore(std::optional<float> min_score) const = 0;
  // How many candidates a lookup searches for at first. One ends the search at the first match; a
  // policy that refuses some wants the next ones from the same search.
  virtual std::size_t candidates() const = 0;
  virtual Verdict Judge(const Evidence& evidence) const = 0;
  // The traffic has been counted on: for policies that go by it.
  virtual void FollowTraffic() const {}
  // Fills in what decides and what is expected of it.
  virtual void Report(PolicyReport* report) const = 0;

 protected:
  ServingPolicy() = default;
};

// What a policy is made of. Neither is null.
struct PolicyInputs {
  NamespaceConfig config{};
  std::shared_ptr<const Traffic> traffic{};
  std::shared_ptr<const Lessons> lessons{};
};
using MakeServingPolicy =
    std::function<std::shared_ptr<const ServingPolicy>(const PolicyInputs& inputs)>;

}  // namespace nearhit
