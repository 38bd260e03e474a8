// Vectors of the lines of a file, a batch at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "cli/text_embedder.h"
#include "formats/line_reader.h"

namespace nearhit {

struct EmbedLinesSummary {
  std::uint64_t lines = 0;
  std::uint64_t without_vector = 0;  // blank ones among them
  bool input_error = false;          // what was returned is about a line, not about who embeds it
};

// Gives `take` the vector of each line, in their order, so that vector i belongs to line i. An
// empty one for a line that is blank or has none.
//
// Errors: kInvalidArgument for a line over 256 KiB or not UTF-8, with its number; those of the
// reader and the embedder. Ends at the first; `summary` is filled in then as well.
Status EmbedLines(const TextEmbedder& embedder, LineReader* lines,
                  const std::function<void(std::span<const float>)>& take,
                  EmbedLinesSummary* summary);

}  // namespace nearhit
