// IsOk, IsOkAndHolds and StatusIs for GoogleTest. There is no "IsNotOk" on purpose: a test names
// the code.
#pragma once

#include <ostream>
#include <string>

#include <gmock/gmock.h>

#include "nearhit/result.h"

namespace nearhit {

inline void PrintTo(const Status& status, std::ostream* out) {
  *out << status.ToString();
}
template <typename T>
void PrintTo(const Result<T>& result, std::ostream* out) {
  *out << (result.ok() ? std::string("OK") : result.status().ToString());
}

inline const Status& GetStatus(const Status& status) {
  return status;
}
template <typename T>
const Status& GetStatus(const Result<T>& result) {
  return result.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

MATCHER_P(IsOkAndHolds, matcher, "is OK and holds a matching value") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return testing::ExplainMatchResult(matcher, *arg, result_listener);
}

MATCHER_P2(StatusIs, code, message_matcher, "has the code and a matching message") {
  const Status& status = GetStatus(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         testing::ExplainMatchResult(message_matcher, std::string(status.message()),
                                     result_listener);
}

inline auto StatusIs(StatusCode code) {
  return StatusIs(code, testing::_);
}

}  // namespace nearhit
