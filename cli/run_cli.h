// The `nearhit` program without its main(), so that tests can call it.
#pragma once

#include <ostream>

namespace nearhit {

// Runs one command; returns the exit code (client.h). Answers go to `out`, everything else to
// `err`.
int RunCli(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

}  // namespace nearhit
