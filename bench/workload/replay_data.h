// Prompts whose right answers are known, read from files. Shapes: bench/README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/labelled_pairs.h"
#include "formats/vector_file.h"
#include "nearhit/result.h"
#include "nearhit/types.h"

namespace nearhit::bench {

// A request; those of one label have the same answer.
struct LabelledPrompt {
  std::string text;
  std::string label;
};

// JSON lines with "text" and "label" (a string or a number).
Result<std::vector<LabelledPrompt>> ReadStream(const std::filesystem::path& path);

// Every distinct text in order of first appearance; texts that pairs call the same, directly or
// over others, get one label.
std::vector<LabelledPrompt> StreamOf(const std::vector<LabelledPair>& pairs);

// Vectors made beforehand: line i of `texts` has row i of `vectors`.
class KnownVectors {
 public:
  // Errors: those of the readers; kInvalidArgument when the two files differ in length.
  static Result<KnownVectors> Read(const std::filesystem::path& texts,
                                   const std::filesystem::path& vectors);

  // Empty when the text is not known or its row is all zeros. Valid as long as this object.
  VectorView Find(const std::string& text) const;
  std::size_t dimension() const { return vectors_.dimension; }

 private:
  VectorMatrix vectors_;
  std::unordered_map<std::string, std::size_t> rows_;
};

}  // namespace nearhit::bench
