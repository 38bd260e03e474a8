// Pairs of prompts that were judged, read from a file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nearhit/result.h"

namespace nearhit {

// Would the answer to `cached` serve `asked`?
struct LabelledPair {
  std::string cached;
  std::string asked;
  bool same = false;
};

// A TSV with a header, gzip or plain: a column label, is_duplicate or is_same (1, 0; other lines
// are skipped), and one of the column pairs text_a text_b, cached asked, q1 q2, question1
// question2, sentence1 sentence2. Errors: those of LineReader; kInvalidArgument for another header
// or a line with too few columns.
Result<std::vector<LabelledPair>> ReadPairs(const std::filesystem::path& path);

}  // namespace nearhit
