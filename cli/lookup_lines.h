// Lookup of every line of a file over one stream.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "cli/client.h"

namespace nearhit {

struct LookupLinesOptions {
  std::string path;  // plain or gzip; "-": standard input
  std::string name;
  std::string scope;
  std::string vector_file;  // row i belongs to line i; empty: the namespace's embedder
  std::string bad_lines;    // file for what was bad; empty: the first 10 go to `err`
  std::optional<float> min_score;
  bool exact_only = false;
  bool json = false;
  std::uint64_t limit = 0;  // lines; 0: all
};

struct LookupLinesSummary {
  std::uint64_t lines = 0;  // looked up or bad; blank lines do not count
  std::uint64_t exact = 0;
  std::uint64_t semantic = 0;
  std::uint64_t misses = 0;
  std::uint64_t errors = 0;
  double seconds = 0;
  ExitCode first_error = kExitOk;  // of the first line that could not be looked up
  bool input_error = false;        // what was returned is about a file, not about the server
};

// Writes one result for each line to `out`, in their order: tab-separated line number, kind (exact,
// semantic, miss, error), similarity and entry id, the last two empty where there is none; or
// JSON. Bad lines, and lines that the server refuses, are reported to `err` and gone on with.
// `summary` is filled in on errors as well. Errors: those of the file; kFailedPrecondition for a
// namespace of vectors; kDeadlineExceeded when no answer comes for the client's timeout; those of a
// broken stream.
Status RunLookupLines(const Client& client, const LookupLinesOptions& options, std::ostream* out,
                      std::ostream* err, LookupLinesSummary* summary);

}  // namespace nearhit
