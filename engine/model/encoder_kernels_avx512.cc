// Compiled for AVX-512 with VNNI: see engine/model/CMakeLists.txt.
#include "engine/model/encoder_kernels_inl.h"

// GCC 12 warns inside its own intrinsics (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace nearhit {

namespace {

struct Avx512 {
  using F = __m512;
  using I = __m512i;
  using Weights = __m512i;
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kVectors = 2;
  static constexpr std::size_t kMaxRows = 12;  // 24 sums, 2 of weights, 1 of activations

  static F Set(float x) { return _mm512_set1_ps(x); }
  static F Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static F LoadPart(const float* p, std::size_t lanes, float rest) {
    return _mm512_mask_loadu_ps(Set(rest), Mask(lanes), p);
  }
  static void StorePart(float* p, F x, std::size_t lanes) {
    _mm512_mask_storeu_ps(p, Mask(lanes), x);
  }
  static F KeepFirst(F x, std::size_t lanes) { return _mm512_maskz_mov_ps(Mask(lanes), x); }
  static F Add(F a, F b) { return _mm512_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm512_div_ps(a, b); }
  static F Fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F Max(F a, F b) { return _mm512_max_ps(a, b); }
  static F Min(F a, F b) { return _mm512_min_ps(a, b); }
  static F Abs(F x) { return _mm512_abs_ps(x); }
  static F Round(F x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  // 2^n of whole numbers within the exponents of normal floats.
  static F PowerOfTwo(F n) { return _mm512_scalef_ps(Set(1.0F), n); }
  static float ReduceAdd(F x) { return _mm512_reduce_add_ps(x); }
  static float ReduceMax(F x) { return _mm512_reduce_max_ps(x); }

  static I Zero() { return _mm512_setzero_si512(); }
  static I LoadWeights(const std::int8_t* p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static I LoadPair(const std::int16_t* p) {
    std::int32_t pair = 0;
    __builtin_memcpy(&pair, p, sizeof(pair));
    return _mm512_set1_epi32(pair);
  }
  static I AddPairs(I sum, I a, I b) { return _mm512_dpwssd_epi32(sum, a, b); }
  static F ToFloat(I x) { return _mm512_cvtepi32_ps(x); }
  static void StoreInt16(std::int16_t* p, F x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x)));
  }

 private:
  static __mmask16 Mask(std::size_t lanes) { return static_cast<__mmask16>((1U << lanes) - 1); }
};

}  // namespace

EncoderKernels Avx512EncoderKernels() {
  return MakeEncoderKernels<Avx512>("avx512vnni");
}

}  // namespace nearhit
