// Log lines of the daemon, on standard error or in a file. Never the text of prompts, answers or
// credentials.
#pragma once

#include <string_view>

#include "nearhit/options.h"
#include "nearhit/status.h"
#include "server/config/config.h"

namespace nearhit::server {

// Until this is called lines are text at level info, on standard error. Again: opens the file anew,
// which has been renamed perhaps.
//
// Errors: kUnavailable when the file cannot be opened; then everything stays as it is.
// Thread-safety: thread-safe, as is Log().
Status InitLog(const LogOptions& options);

void Log(LogLevel level, std::string_view message);

// `text` as the inside of a JSON string.
std::string JsonEscape(std::string_view text);

}  // namespace nearhit::server
