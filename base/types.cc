#include "nearhit/types.h"

#include "nearhit/lookup.h"

namespace nearhit {

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return "cosine";
    case Metric::kInnerProduct:
      return "ip";
    case Metric::kL2:
      return "l2";
  }
  return "unknown";
}

std::string_view HitKindName(HitKind kind) {
  switch (kind) {
    case HitKind::kMiss:
      return "miss";
    case HitKind::kExact:
      return "exact";
    case HitKind::kSemantic:
      return "semantic";
  }
  return "unknown";
}

}  // namespace nearhit
