// Scores of 64 vectors from one bit a component: sums looked up in tables in a register, chosen
// once per process from what the processor offers: AVX-512 VBMI, AVX2, scalar (André et al., "Cache
// locality is not enough: high-performance nearest neighbor search with product quantization fast
// scan", 2015).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace nearhit {

inline constexpr std::size_t kSignLanes = 64;  // vectors of a block

// Byte of a column that is lane `lane`'s: the kernels' sums of even bytes come before those of odd
// ones.
inline constexpr std::size_t SignByte(std::size_t lane) {
  return lane < kSignLanes / 2 ? 2 * lane : 2 * (lane - kSignLanes / 2) + 1;
}

// What is kept of each lane beside its bits; see sign_codes.cc.
struct SignFactors {
  std::array<float, kSignLanes> product;  // times the signed sum of the query: the inner product
  std::array<float, kSignLanes> error;    // times the query's length: one deviation of that
  std::array<float, kSignLanes> addend;   // what a score has beside that
};

struct alignas(64) SignTable {
  std::array<std::uint8_t, 64> entries;
};

// A query made ready: bound = product * (step * sum + offset) + slack * error + addend + its own.
struct SignQuery {
  std::vector<SignTable> tables;  // SignKernels::tables_bytes for each column
  std::size_t columns = 0;
  float step = 0;
  float offset = 0;
  float slack = 0;
  float addend = 0;
  float squared_norm = 0;
};

struct SignKernels {
  std::string_view name;
  std::size_t bits;    // components in each byte of a column
  std::size_t lookup;  // components that one lookup sums: `bits`, or half of them
  // Fills the tables of a query from its rotated components, of which there are a multiple of
  // `lookup`: entry `bits` of a table stands for the sum of its components, those negative whose
  // bit is not set, and 0 for the least sum there can be; `scale` entries make 1, and none is above
  // `largest`.
  void (*tables)(std::span<const float> components, float scale, std::uint8_t largest,
                 std::uint8_t* tables);
  // Fills `bounds` (kSignLanes) from a block of query.columns * kSignLanes bytes, aligned to 64,
  // and returns the largest.
  float (*bounds)(const SignQuery& query, const std::uint8_t* columns, const SignFactors& factors,
                  float* bounds);
};

// The largest entry of a table: four of them fit a byte, and the sums of all columns 16 bits.
std::uint8_t LargestSignEntry(const SignKernels& kernels, std::size_t columns);

// The fastest that this processor runs.
const SignKernels& FastestSignKernels();
// Every one that this processor runs, fastest first; for tests and benchmarks.
std::span<const SignKernels> AvailableSignKernels();

}  // namespace nearhit
