// Log lines of the daemon, on standard error. Never the text of prompts, answers or credentials.
#pragma once

#include <string_view>

#include "nearhit/options.h"
#include "server/config.h"

namespace nearhit::server {

// Until this is called lines are text at level info. Not together with Log().
void InitLog(const LogOptions& options);

// Thread-safety: thread-safe.
void Log(LogLevel level, std::string_view message);

// `text` as the inside of a JSON string.
std::string JsonEscape(std::string_view text);

}  // namespace nearhit::server
