#include "index/distance.h"

// GCC 12 warns inside its own intrinsics (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <immintrin.h>

#include "base/prefetch.h"

namespace nearhit {

namespace {

float DotScalar(const float* a, const float* b, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

float L2Scalar(const float* a, const float* b, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const float difference = a[i] - b[i];
    sum += difference * difference;
  }
  return sum;
}

double ExactDotScalar(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

double ExactL2Scalar(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return sum;
}

// From byte `first` on.
std::int32_t DotNibblesFrom(std::size_t first, const std::uint8_t* plane, const std::int8_t* query,
                            std::size_t bytes) {
  const std::int8_t* high = query + NibbleStride(bytes);
  std::int32_t sum = 0;
  for (std::size_t i = first; i < bytes; ++i) {
    sum += (plane[i] & 15) * query[i] + (plane[i] >> 4) * high[i];
  }
  return sum;
}

std::int32_t DotNibblesScalar(const std::uint8_t* plane, const std::int8_t* query,
                              std::size_t bytes) {
  return DotNibblesFrom(0, plane, query, bytes);
}

float ScaleOf(const std::byte* record, const PlaneQuery& query) {
  float scale;
  std::memcpy(&scale, record + query.scale_offset, sizeof(scale));
  return scale;
}

const std::uint8_t* PlaneOf(const std::byte* record, const PlaneQuery& query) {
  return reinterpret_cast<const std::uint8_t*>(record + query.plane_offset);
}

template <std::int32_t (*kDot)(const std::uint8_t*, const std::int8_t*, std::size_t)>
void ScorePlanes(const RecordList& list, const PlaneQuery& query, float* scores) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::int32_t dot = kDot(PlaneOf(list[i], query), query.codes, query.plane_bytes);
    scores[i] = static_cast<float>(dot - query.bias) * query.scale * ScaleOf(list[i], query);
  }
}

#define TARGET_AVX2 __attribute__((target("avx2,fma")))

TARGET_AVX2 float Sum256(__m256 v) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}

TARGET_AVX2 float DotAvx2(const float* a, const float* b, std::size_t n) {
  __m256 sum0 = _mm256_setzero_ps();
  __m256 sum1 = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sum0);
    sum1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), sum1);
  }
  return Sum256(_mm256_add_ps(sum0, sum1)) + DotScalar(a + i, b + i, n - i);
}

TARGET_AVX2 float L2Avx2(const float* a, const float* b, std::size_t n) {
  __m256 sum0 = _mm256_setzero_ps();
  __m256 sum1 = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256 d0 = _mm256_sub_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
    const __m256 d1 = _mm256_sub_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
    sum0 = _mm256_fmadd_ps(d0, d0, sum0);
    sum1 = _mm256_fmadd_ps(d1, d1, sum1);
  }
  return Sum256(_mm256_add_ps(sum0, sum1)) + L2Scalar(a + i, b + i, n - i);
}

TARGET_AVX2 double Sum256d(__m256d v) {
  const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

TARGET_AVX2 double ExactDotAvx2(const float* a, const float* b, std::size_t n) {
  __m256d sum0 = _mm256_setzero_pd();
  __m256d sum1 = _mm256_setzero_pd();
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    sum0 = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + i)),
                           _mm256_cvtps_pd(_mm_loadu_ps(b + i)), sum0);
    sum1 = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + i + 4)),
                           _mm256_cvtps_pd(_mm_loadu_ps(b + i + 4)), sum1);
  }
  return Sum256d(_mm256_add_pd(sum0, sum1)) + ExactDotScalar(a + i, b + i, n - i);
}

TARGET_AVX2 double ExactL2Avx2(const float* a, const float* b, std::size_t n) {
  __m256d sum0 = _mm256_setzero_pd();
  __m256d sum1 = _mm256_setzero_pd();
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256d d0 =
        _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + i)), _mm256_cvtps_pd(_mm_loadu_ps(b + i)));
    const __m256d d1 = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + i + 4)),
                                     _mm256_cvtps_pd(_mm_loadu_ps(b + i + 4)));
    sum0 = _mm256_fmadd_pd(d0, d0, sum0);
    sum1 = _mm256_fmadd_pd(d1, d1, sum1);
  }
  return Sum256d(_mm256_add_pd(sum0, sum1)) + ExactL2Scalar(a + i, b + i, n - i);
}

// Sums of two products of a nibble and a code stay under 2 * 15 * 128, so that eight of them fit
// into 16 bits: no saturation in vpmaddubsw, and widening is rare.
TARGET_AVX2 std::int32_t DotNibblesAvx2(const std::uint8_t* plane, const std::int8_t* query,
                                        std::size_t bytes) {
  constexpr std::size_t kVector = 32;
  constexpr std::size_t kStepsOf16Bits = 4;
  const std::int8_t* high = query + NibbleStride(bytes);
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum = _mm256_setzero_si256();
  std::size_t i = 0;
  while (i + kVector <= bytes) {
    __m256i short_sum = _mm256_setzero_si256();
    for (std::size_t step = 0; step < kStepsOf16Bits && i + kVector <= bytes; ++step) {
      const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(plane + i));
      const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + i));
      const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high + i));
      short_sum =
          _mm256_add_epi16(short_sum, _mm256_maddubs_epi16(_mm256_and_si256(both, nibble), first));
      short_sum = _mm256_add_epi16(
          short_sum,
          _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(both, 4), nibble), second));
      i += kVector;
    }
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(short_sum, ones));
  }
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
  return _mm_cvtsi128_si32(half) + DotNibblesFrom(i, plane, query, bytes);
}

#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

// The tail is loaded under a mask, so no length needs a scalar loop.
TARGET_AVX512 float DotAvx512(const float* a, const float* b, std::size_t n) {
  __m512 sum0 = _mm512_setzero_ps();
  __m512 sum1 = _mm512_setzero_ps();
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    sum0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), sum0);
    sum1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), sum1);
  }
  for (; i < n; i += 16) {
    const auto mask = static_cast<__mmask16>((1U << std::min<std::size_t>(16, n - i)) - 1);
    sum0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i),
                           sum0);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
}

TARGET_AVX512 float L2Avx512(const float* a, const float* b, std::size_t n) {
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t i = 0; i < n; i += 16) {
    const auto mask = static_cast<__mmask16>((1U << std::min<std::size_t>(16, n - i)) - 1);
    const __m512 d =
        _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
    sum = _mm512_fmadd_ps(d, d, sum);
  }
  return _mm512_reduce_add_ps(sum);
}

TARGET_AVX512 std::int32_t DotNibblesVnni(const std::uint8_t* plane, const std::int8_t* query,
                                          std::size_t bytes) {
  constexpr std::size_t kVector = 64;
  const std::int8_t* high = query + NibbleStride(bytes);
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i sum0 = _mm512_setzero_si512();
  __m512i sum1 = _mm512_setzero_si512();
  for (std::size_t i = 0; i < bytes; i += kVector) {
    // The query has zeros past the end; the plane may end at a page's.
    const std::size_t rest = bytes - i;
    const __mmask64 mask = rest < kVector ? (std::uint64_t{1} << rest) - 1 : ~std::uint64_t{0};
    const __m512i both = _mm512_maskz_loadu_epi8(mask, plane + i);
    sum0 = _mm512_dpbusd_epi32(sum0, _mm512_and_si512(both, nibble), _mm512_loadu_si512(query + i));
    sum1 = _mm512_dpbusd_epi32(sum1, _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble),
                               _mm512_loadu_si512(high + i));
  }
  return _mm512_reduce_add_epi32(_mm512_add_epi32(sum0, sum1));
}

// Planes of kSteps vectors, the last of which may be a part of one. Every loop over steps is
// unrolled before all else, so that the query stays in registers; each vector of a plane is loaded
// once, because it mostly crosses cache lines.
template <std::size_t kSteps>
TARGET_AVX512 void ScorePlanesOf(const RecordList& list, const PlaneQuery& query, float* scores) {
  constexpr std::size_t kVector = 64;
  const std::size_t rest = query.plane_bytes - (kSteps - 1) * kVector;
  const __mmask64 last = ~std::uint64_t{0} >> (kVector - rest);
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i low[kSteps];
  __m512i high[kSteps];
#pragma GCC unroll 8
  for (std::size_t step = 0; step < kSteps; ++step) {
    low[step] = _mm512_loadu_si512(query.codes + step * kVector);
    high[step] = _mm512_loadu_si512(query.codes + (kSteps + step) * kVector);
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::uint8_t* plane = PlaneOf(list[i], query);
    __m512i both[kSteps];
#pragma GCC unroll 8
    for (std::size_t step = 0; step + 1 < kSteps; ++step) {
      both[step] = _mm512_loadu_si512(plane + step * kVector);
    }
    both[kSteps - 1] = _mm512_maskz_loadu_epi8(last, plane + (kSteps - 1) * kVector);
    __m512i sum0 = _mm512_setzero_si512();
    __m512i sum1 = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (std::size_t step = 0; step < kSteps; ++step) {
      sum0 = _mm512_dpbusd_epi32(sum0, _mm512_and_si512(both[step], nibble), low[step]);
      sum1 = _mm512_dpbusd_epi32(sum1, _mm512_and_si512(_mm512_srli_epi16(both[step], 4), nibble),
                                 high[step]);
    }
    const std::int32_t dot = _mm512_reduce_add_epi32(_mm512_add_epi32(sum0, sum1));
    scores[i] = static_cast<float>(dot - query.bias) * query.scale * ScaleOf(list[i], query);
  }
}

// Up to 1,024 components: the query fills half of the registers then.
void ScorePlanesVnni(const RecordList& list, const PlaneQuery& query, float* scores) {
  constexpr std::array kBySteps = {ScorePlanesOf<1>, ScorePlanesOf<2>, ScorePlanesOf<3>,
                                   ScorePlanesOf<4>, ScorePlanesOf<5>, ScorePlanesOf<6>,
                                   ScorePlanesOf<7>, ScorePlanesOf<8>};
  const std::size_t steps = NibbleStride(query.plane_bytes) / kCacheLine;
  const auto score = steps <= kBySteps.size() ? kBySteps[steps - 1] : ScorePlanes<DotNibblesVnni>;
  score(list, query, scores);
}

std::vector<DistanceKernels> DetectDistanceKernels() {
  std::vector<DistanceKernels> found;
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0) {
    found.push_back({"avx512vnni", DotAvx512, L2Avx512, ExactDotAvx2, ExactL2Avx2, DotNibblesVnni,
                     ScorePlanesVnni});
  }
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) {
    found.push_back({"avx2", DotAvx2, L2Avx2, ExactDotAvx2, ExactL2Avx2, DotNibblesAvx2,
                     ScorePlanes<DotNibblesAvx2>});
  }
  found.push_back({"scalar", DotScalar, L2Scalar, ExactDotScalar, ExactL2Scalar, DotNibblesScalar,
                   ScorePlanes<DotNibblesScalar>});
  return found;
}

}  // namespace

std::span<const DistanceKernels> AvailableKernels() {
  static const auto* const kernels = new std::vector<DistanceKernels>(DetectDistanceKernels());
  return *kernels;
}

const DistanceKernels& Kernels() {
  static const DistanceKernels& kernels = AvailableKernels().front();
  return kernels;
}

float UserScore(Metric metric, double raw) {
  switch (metric) {
    case Metric::kCosine:
    case Metric::kInnerProduct:
      return static_cast<float>(raw);
    case Metric::kL2:
      return static_cast<float>(1 / (1 - raw));  // raw is minus the squared distance
  }
  return static_cast<float>(raw);
}

float RawScore(Metric metric, float user) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  switch (metric) {
    case Metric::kCosine:
    case Metric::kInnerProduct:
      return user;
    case Metric::kL2: {
      // From a float below, and to one: both roundings may have gone up.
      const float below = std::nextafter(user, 0.0F);
      return below > 0
                 ? std::nextafter(static_cast<float>(1 - 1 / static_cast<double>(below)), kLowest)
                 : kLowest;
    }
  }
  return user;
}

}  // namespace nearhit
