#include "index/sign_kernels.h"

// GCC 12 warns inside its own intrinsics (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <algorithm>
#include <cmath>
#include <limits>

#include <immintrin.h>

namespace nearhit {

namespace {

constexpr std::size_t kNibbleEntries = 16;

// The sum of all components negative, which is entry 0, from the least sum on.
float NoneSet(const float* components, std::size_t lookup) {
  float least = 0;
  for (std::size_t i = 0; i < lookup; ++i) {
    least += std::abs(components[i]) - components[i];
  }
  return least;
}

void TablesOfNibbles(std::span<const float> components, float scale, std::uint8_t largest,
                     std::uint8_t* tables) {
  constexpr std::size_t kLookup = 4;
  std::array<float, kNibbleEntries> sums{};
  for (; !components.empty(); components = components.subspan(kLookup), tables += kNibbleEntries) {
    sums[0] = NoneSet(components.data(), kLookup) * scale + 0.5F;  // rounds
    for (std::size_t i = 0; i < kLookup; ++i) {
      const float twice = 2 * components[i] * scale;
      const std::size_t half = std::size_t{1} << i;
      for (std::size_t entry = 0; entry < half; ++entry) {
        sums[half + entry] = sums[entry] + twice;
      }
    }
    for (std::size_t entry = 0; entry < kNibbleEntries; ++entry) {
      // Sums may leave the ends by a rounding.
      const float sum = std::max(0.0F, std::min(sums[entry], static_cast<float>(largest) + 0.5F));
      tables[entry] = static_cast<std::uint8_t>(static_cast<std::int32_t>(sum));
    }
  }
}

float BoundOf(const SignQuery& query, const SignFactors& factors, std::size_t lane, float sum) {
  return factors.product[lane] * (query.step * sum + query.offset) +
         (query.slack * factors.error[lane] + (factors.addend[lane] + query.addend));
}

float BoundsScalar(const SignQuery& query, const std::uint8_t* columns, const SignFactors& factors,
                   float* bounds) {
  const std::uint8_t* tables = query.tables.front().entries.data();
  float largest = -std::numeric_limits<float>::infinity();
  for (std::size_t lane = 0; lane < kSignLanes; ++lane) {
    std::uint32_t sum = 0;
    for (std::size_t column = 0; column < query.columns; ++column) {
      const std::uint8_t byte = columns[column * kSignLanes + SignByte(lane)];
      const std::uint8_t* table = tables + column * 2 * kNibbleEntries;
      sum += std::uint32_t{table[byte & 15U]} + table[kNibbleEntries + (byte >> 4U)];
    }
    bounds[lane] = BoundOf(query, factors, lane, static_cast<float>(sum));
    largest = std::max(largest, bounds[lane]);
  }
  return largest;
}

#define TARGET_AVX2 __attribute__((target("avx2,fma")))

TARGET_AVX2 __m256 BoundsOf8(const SignQuery& query, const SignFactors& factors, std::size_t lane,
                             __m128i sums, float* bounds) {
  const __m256 sum = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(sums));
  const __m256 product =
      _mm256_fmadd_ps(_mm256_set1_ps(query.step), sum, _mm256_set1_ps(query.offset));
  const __m256 addend =
      _mm256_add_ps(_mm256_loadu_ps(factors.addend.data() + lane), _mm256_set1_ps(query.addend));
  const __m256 bound =
      _mm256_fmadd_ps(_mm256_loadu_ps(factors.product.data() + lane), product,
                      _mm256_fmadd_ps(_mm256_set1_ps(query.slack),
                                      _mm256_loadu_ps(factors.error.data() + lane), addend));
  _mm256_storeu_ps(bounds + lane, bound);
  return bound;
}

TARGET_AVX2 __m256i Broadcast(const std::uint8_t* table) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
}

TARGET_AVX2 float BoundsAvx2(const SignQuery& query, const std::uint8_t* columns,
                             const SignFactors& factors, float* bounds) {
  constexpr std::size_t kVector = 32;
  constexpr std::size_t kColumnsOfBytes = 2;  // whose sums fit a byte
  const std::uint8_t* tables = query.tables.front().entries.data();
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256 largest = _mm256_set1_ps(-std::numeric_limits<float>::infinity());
  for (std::size_t half = 0; half < 2; ++half) {
    __m256i all = _mm256_setzero_si256();  // even bytes, and odd ones 256 fold
    __m256i odd = _mm256_setzero_si256();
    for (std::size_t column = 0; column < query.columns;) {
      __m256i bytes = _mm256_setzero_si256();
      const std::size_t end = std::min(column + kColumnsOfBytes, query.columns);
      for (; column < end; ++column) {
        const __m256i codes = _mm256_load_si256(
            reinterpret_cast<const __m256i*>(columns + column * kSignLanes + half * kVector));
        const std::uint8_t* table = tables + column * 2 * kNibbleEntries;
        const __m256i low = _mm256_shuffle_epi8(Broadcast(table), _mm256_and_si256(codes, nibble));
        const __m256i high =
            _mm256_shuffle_epi8(Broadcast(table + kNibbleEntries),
                                _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble));
        bytes = _mm256_add_epi8(bytes, _mm256_add_epi8(low, high));
      }
      all = _mm256_add_epi16(all, bytes);
      odd = _mm256_add_epi16(odd, _mm256_srli_epi16(bytes, 8));
    }
    const __m256i even = _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8));
    for (std::size_t part = 0; part < 2; ++part) {
      const std::size_t lane = half * 16 + part * 8;
      const __m128i evens =
          part == 0 ? _mm256_castsi256_si128(even) : _mm256_extracti128_si256(even, 1);
      const __m128i odds =
          part == 0 ? _mm256_castsi256_si128(odd) : _mm256_extracti128_si256(odd, 1);
      largest = _mm256_max_ps(largest, BoundsOf8(query, factors, lane, evens, bounds));
      largest = _mm256_max_ps(largest, BoundsOf8(query, factors, lane + 32, odds, bounds));
    }
  }
  alignas(32) std::array<float, 8> maxima{};
  _mm256_store_ps(maxima.data(), largest);
  return *std::max_element(maxima.begin(), maxima.end());
}

#define TARGET_VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))

TARGET_VBMI __m512 BoundsOf16(const SignQuery& query, const SignFactors& factors, std::size_t lane,
                              __m256i sums, float* bounds) {
  const __m512 sum = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(sums));
  const __m512 product =
      _mm512_fmadd_ps(_mm512_set1_ps(query.step), sum, _mm512_set1_ps(query.offset));
  const __m512 addend =
      _mm512_add_ps(_mm512_loadu_ps(factors.addend.data() + lane), _mm512_set1_ps(query.addend));
  const __m512 bound =
      _mm512_fmadd_ps(_mm512_loadu_ps(factors.product.data() + lane), product,
                      _mm512_fmadd_ps(_mm512_set1_ps(query.slack),
                                      _mm512_loadu_ps(factors.error.data() + lane), addend));
  _mm512_storeu_ps(bounds + lane, bound);
  return bound;
}

TARGET_VBMI void TablesOf64(std::span<const float> components, float scale, std::uint8_t largest,
                            std::uint8_t* tables) {
  constexpr std::size_t kLookup = 6;
  // Lanes whose entry has the bit.
  constexpr std::array<__mmask16, 4> kHasBit = {0xaaaa, 0xcccc, 0xf0f0, 0xff00};
  const __m128i most = _mm_set1_epi8(static_cast<char>(largest));
  for (; !components.empty(); components = components.subspan(kLookup), tables += 64) {
    __m512 sums = _mm512_set1_ps(NoneSet(components.data(), kLookup) * scale);
    for (std::size_t i = 0; i < kHasBit.size(); ++i) {
      sums = _mm512_mask_add_ps(sums, kHasBit[i], sums, _mm512_set1_ps(2 * components[i] * scale));
    }
    for (std::size_t high = 0; high < 4; ++high) {
      const float more = ((high & 1U) != 0 ? 2 * components[4] * scale : 0) +
                         ((high & 2U) != 0 ? 2 * components[5] * scale : 0);
      const __m512i rounded = _mm512_cvtps_epi32(_mm512_add_ps(sums, _mm512_set1_ps(more)));
      // Sums may leave the ends by a rounding.
      const __m128i entries =
          _mm512_cvtusepi32_epi8(_mm512_max_epi32(rounded, _mm512_setzero_si512()));
      _mm_store_si128(reinterpret_cast<__m128i*>(tables + high * 16), _mm_min_epu8(entries, most));
    }
  }
}

// What the table of a column has for each of its lanes. The same column of the block behind, which
// is scanned next, is on its way from memory meanwhile.
TARGET_VBMI inline __m512i Entries(const SignTable* tables, const std::uint8_t* columns,
                                   const std::uint8_t* behind, std::size_t column) {
  _mm_prefetch(reinterpret_cast<const char*>(behind + column * kSignLanes), _MM_HINT_T0);
  return _mm512_permutexvar_epi8(_mm512_load_si512(columns + column * kSignLanes),
                                 _mm512_load_si512(tables[column].entries.data()));
}

TARGET_VBMI float BoundsVbmi(const SignQuery& query, const std::uint8_t* columns,
                             const SignFactors& factors, float* bounds) {
  const SignTable* tables = query.tables.data();
  __m512i all = _mm512_setzero_si512();  // even bytes, and odd ones 256 fold
  __m512i odd = _mm512_setzero_si512();
  const std::uint8_t* behind = columns + query.columns * kSignLanes + sizeof(SignFactors);
  std::size_t column = 0;
  for (; column + 4 <= query.columns; column += 4) {  // the sums of four fit a byte
    const __m512i bytes =
        _mm512_add_epi8(_mm512_add_epi8(Entries(tables, columns, behind, column),
                                        Entries(tables, columns, behind, column + 1)),
                        _mm512_add_epi8(Entries(tables, columns, behind, column + 2),
                                        Entries(tables, columns, behind, column + 3)));
    all = _mm512_add_epi16(all, bytes);
    odd = _mm512_add_epi16(odd, _mm512_srli_epi16(bytes, 8));
  }
  for (; column < query.columns; ++column) {
    const __m512i bytes = Entries(tables, columns, behind, column);
    all = _mm512_add_epi16(all, bytes);
    odd = _mm512_add_epi16(odd, _mm512_srli_epi16(bytes, 8));
  }
  const __m512i even = _mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8));
  __m512 largest = BoundsOf16(query, factors, 0, _mm512_castsi512_si256(even), bounds);
  largest = _mm512_max_ps(
      largest, BoundsOf16(query, factors, 16, _mm512_extracti64x4_epi64(even, 1), bounds));
  largest =
      _mm512_max_ps(largest, BoundsOf16(query, factors, 32, _mm512_castsi512_si256(odd), bounds));
  largest = _mm512_max_ps(
      largest, BoundsOf16(query, factors, 48, _mm512_extracti64x4_epi64(odd, 1), bounds));
  return _mm512_reduce_max_ps(largest);
}

std::vector<SignKernels> DetectSignKernels() {
  std::vector<SignKernels> found;
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vbmi") != 0) {
    found.push_back(
        {.name = "avx512vbmi", .bits = 6, .lookup = 6, .tables = TablesOf64, .bounds = BoundsVbmi});
  }
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) {
    found.push_back(
        {.name = "avx2", .bits = 8, .lookup = 4, .tables = TablesOfNibbles, .bounds = BoundsAvx2});
  }
  found.push_back({.name = "scalar",
                   .bits = 8,
                   .lookup = 4,
                   .tables = TablesOfNibbles,
                   .bounds = BoundsScalar});
  return found;
}

}  // namespace

std::uint8_t LargestSignEntry(const SignKernels& kernels, std::size_t columns) {
  constexpr std::size_t kLargest = std::numeric_limits<std::uint8_t>::max() / 4;
  const std::size_t lookups = columns * (kernels.bits / kernels.lookup);
  return static_cast<std::uint8_t>(
      std::min<std::size_t>(kLargest, std::numeric_limits<std::uint16_t>::max() / lookups));
}

std::span<const SignKernels> AvailableSignKernels() {
  static const auto* const kernels = new std::vector<SignKernels>(DetectSignKernels());
  return *kernels;
}

const SignKernels& FastestSignKernels() {
  static const SignKernels& kernels = AvailableSignKernels().front();
  return kernels;
}

}  // namespace nearhit
