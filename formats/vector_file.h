// Vector files from outside: fvecs, bvecs, ivecs (texmex), fbin, i8bin, u8bin (big-ann),
// npy (float16, float32, float64; two-dimensional, C order).
// Used by the command line's import and by the benchmarks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "nearhit/result.h"

namespace nearhit {

// Row-major matrix of float32, whatever the file held.
struct VectorMatrix {
  std::size_t rows = 0;
  std::size_t dimension = 0;
  std::vector<float> values;

  std::span<const float> row(std::size_t i) const {
    return {values.data() + i * dimension, dimension};
  }
};

// Reads the first `max_rows` rows (0: all). The format follows the file name's extension.
// Errors: kNotFound; kInvalidArgument for an unknown extension, an npy dtype or shape that is not
// read, a row of another dimension, a truncated file; the message names the file and the row.
Result<VectorMatrix> ReadVectorFile(const std::filesystem::path& path, std::size_t max_rows = 0);

// Reads an ivecs file: row i holds the ids of the true neighbours of query i, nearest first.
Result<std::vector<std::vector<std::int32_t>>> ReadIvecs(const std::filesystem::path& path);

}  // namespace nearhit
