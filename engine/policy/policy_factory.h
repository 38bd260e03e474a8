// The serving policy that a namespace's settings ask for.
#pragma once

#include <memory>

#include "engine/policy/serving_policy.h"

namespace nearhit {

// max_error: an error budget. Else the threshold, with the guards that are on.
std::shared_ptr<const ServingPolicy> MakePolicy(const PolicyInputs& inputs);

}  // namespace nearhit
