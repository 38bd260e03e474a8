// Listening sockets as others see them.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/descriptor.h"
#include "nearhit/result.h"

namespace nearhit::server {

// Whether whoever connects is taken: a gRPC server speaks first. A socket whose owner has stopped
// to accept still takes connections, into a queue that nobody looks at.
//
// Errors: kUnavailable when nobody speaks within `patience`; kResourceExhausted when this process
// has no descriptor left to ask with.
Status CheckAccepts(const std::string& listen, std::uint16_t port,
                    std::chrono::milliseconds patience);
Status CheckUnixAccepts(const std::filesystem::path& path, std::chrono::milliseconds patience);

// Makes the path of a Unix socket this process's own, for as long as the descriptor is open: a
// second daemon would take it from the first without a word, and remove the other's at its end. A
// lock on "<path>.lock", which stays.
//
// Errors: kUnavailable when another process listens there or holds the lock.
Result<Descriptor> ClaimUnixSocket(const std::filesystem::path& path);

}  // namespace nearhit::server
