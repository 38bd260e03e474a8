// Compiled for AVX2 with FMA: see engine/model/CMakeLists.txt.
#include <immintrin.h>

#include "engine/model/encoder_kernels_inl.h"

namespace nearhit {

namespace {

struct Avx2 {
  using F = __m256;
  // Not __m256i: GCC 12 keeps a copy of a sum as four int64 beside the eight int32, and spills.
  using I = std::int32_t __attribute__((vector_size(32)));
  using Weights = __m256i;
  using Activation = std::int16_t;
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kVectors = 2;
  static constexpr std::size_t kMaxRows = 6;  // 12 sums, 2 of weights, 1 of activations, 1 product
  static constexpr std::size_t kGroup = 2;
  static constexpr std::int32_t kOffset = 0;

  static F Set(float x) { return _mm256_set1_ps(x); }
  static F Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static F LoadPart(const float* p, std::size_t lanes, float rest) {
    const __m256i mask = Mask(lanes);
    return _mm256_blendv_ps(Set(rest), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
  }
  static void StorePart(float* p, F x, std::size_t lanes) {
    _mm256_maskstore_ps(p, Mask(lanes), x);
  }
  static F KeepFirst(F x, std::size_t lanes) {
    return _mm256_and_ps(x, _mm256_castsi256_ps(Mask(lanes)));
  }
  static F Add(F a, F b) { return _mm256_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm256_div_ps(a, b); }
  static F Fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F Max(F a, F b) { return _mm256_max_ps(a, b); }
  static F Min(F a, F b) { return _mm256_min_ps(a, b); }
  static F Abs(F x) { return _mm256_andnot_ps(Set(-0.0F), x); }
  static F Round(F x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  // 2^n of whole numbers within the exponents of normal floats.
  static F PowerOfTwo(F n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }
  static float ReduceAdd(F x) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
  }
  static float ReduceMax(F x) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
  }

  // The lane whose number differs in the bit kStride.
  template <std::size_t kStride>
  static F SwapLanes(F x) {
    if constexpr (kStride == 4) {
      return _mm256_permute2f128_ps(x, x, 1);
    } else if constexpr (kStride == 2) {
      return _mm256_permute_ps(x, 0b01'00'11'10);
    } else {
      return _mm256_permute_ps(x, 0b10'11'00'01);
    }
  }

  static I LoadInts(const std::int32_t* p) {
    return reinterpret_cast<I>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Weights LoadWeights(const std::int8_t* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Weights LoadGroup(const std::byte* p) {
    std::int32_t pair = 0;
    __builtin_memcpy(&pair, p, sizeof(pair));
    return _mm256_set1_epi32(pair);
  }
  static I AddProducts(I sum, Weights a, Weights b) {
    return sum + reinterpret_cast<I>(_mm256_madd_epi16(a, b));
  }
  static F ToFloat(I x) { return _mm256_cvtepi32_ps(reinterpret_cast<__m256i>(x)); }
  static void StoreActivations(std::byte* p, F x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(p),
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
  }

 private:
  static __m256i Mask(std::size_t lanes) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(lanes)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

}  // namespace

EncoderKernels Avx2EncoderKernels() {
  return MakeEncoderKernels<Avx2>("avx2");
}

}  // namespace nearhit
