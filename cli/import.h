// Bulk load of a file into a namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "cli/client.h"
#include "cli/record_reader.h"

namespace nearhit {

struct ImportOptions {
  std::string path;  // "-": standard input
  std::string name;
  RecordOptions records;    // `vectors` and `now_us` are filled in by RunImport
  std::string vector_file;  // row i belongs to record row i; empty: vectors are in the records
  std::string bad_lines;    // file for what was skipped; empty: the first 10 go to `err`
  bool resume = false;
  bool progress = false;
  std::uint64_t limit = 0;  // records; 0: all
  std::size_t batch = 256;
  std::size_t parallel = 4;
  v1::Durability durability = v1::DURABILITY_DEFAULT;
  std::optional<v1::CreateNamespaceRequest> create;  // unless it is there
};

struct ImportSummary {
  std::uint64_t imported = 0;
  std::uint64_t replaced = 0;
  std::uint64_t bad = 0;
  // Of those imported into a namespace with vectors: found by their exact text only.
  std::uint64_t without_vector = 0;
  std::uint64_t resumed_after_line = 0;
  double seconds = 0;
  bool input_empty = true;   // not a character of text
  bool input_error = false;  // what was returned is about a file here, not about the server
};

// Bad lines are counted and skipped. `summary` is filled in on errors as well; with `resume`,
// calling again then goes on after what was acknowledged. Lines in flight together may be applied
// in any order.
Status RunImport(const Client& client, ImportOptions options, std::ostream* err,
                 ImportSummary* summary);

}  // namespace nearhit
