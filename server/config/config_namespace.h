// The [[namespace]] blocks of the configuration.
#pragma once

#include "server/config/config.h"
#include "server/config/toml_reader.h"

namespace nearhit::server {

Result<NamedNamespace> ReadNamespace(const toml::table& table, const std::string& source);

}  // namespace nearhit::server
