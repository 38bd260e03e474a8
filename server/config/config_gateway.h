// The [gateway] section of the configuration.
#pragma once

#include "server/config/gateway_options.h"
#include "server/config/toml_reader.h"

namespace nearhit::server {

Result<GatewayOptions> ReadGateway(const toml::table& table, const std::string& source);
// One [judge].
Result<JudgeOptions> ReadJudge(const toml::table& table, const std::string& source);

}  // namespace nearhit::server
