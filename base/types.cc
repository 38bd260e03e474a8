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

std::string_view MissReasonName(MissReason reason) {
  switch (reason) {
    case MissReason::kNone:
      return "none";
    case MissReason::kEmpty:
      return "empty";
    case MissReason::kBelowThreshold:
      return "below_threshold";
    case MissReason::kNoVector:
      return "no_vector";
    case MissReason::kEmbedFailed:
      return "embed_failed";
    case MissReason::kExpired:
      return "expired";
    case MissReason::kReadError:
      return "read_error";
    case MissReason::kTextNotRead:
      return "text_not_read";
  }
  return "unknown";
}

}  // namespace nearhit
