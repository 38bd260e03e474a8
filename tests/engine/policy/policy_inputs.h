// What a policy is made of while nothing is known yet but its settings.
#pragma once

#include <memory>

#include "engine/policy/serving_policy.h"

namespace nearhit {

inline PolicyInputs InputsOf(const NamespaceConfig& config) {
  return {.config = config,
          .traffic = std::make_shared<const Traffic>(),
          .lessons = Lessons::Learn({}, GuardSet::All(), 0, nullptr)};
}

}  // namespace nearhit
