// How HTTP says that a call failed.
#pragma once

#include <string>
#include <string_view>

#include "nearhit/result.h"

namespace nearhit::server {

// By google.rpc.Code; 200 for kOk.
int HttpStatusOf(StatusCode code);

// {"error":{"code":…,"message":…}}
std::string ErrorBody(std::string_view code, std::string_view message);
// Requires: !status.ok().
std::string ErrorBody(const Status& status);

}  // namespace nearhit::server
