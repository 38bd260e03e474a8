// The decision to serve: whether an entry that was found by meaning may answer a prompt.
//
// A policy reads nothing and has no clock. It gets all that it may know as Evidence, and how
// lookups ended, so that each rule is tested with a table.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

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
  // Each lookup has ended once, hits of the exact tier included; `odds` are the best that Judge
  // gave it. For policies that go by the traffic.
  virtual void Observe(std::optional<float> odds) const;

 protected:
  ServingPolicy() = default;
};

inline void ServingPolicy::Observe(std::optional<float> /*odds*/) const {
}

// The policy that a configuration asks for.
using MakeServingPolicy =
    std::function<std::shared_ptr<const ServingPolicy>(const NamespaceConfig& config)>;

}  // namespace nearhit
