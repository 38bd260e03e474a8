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
  using Activation = std::uint8_t;
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kVectors = 2;
  // 16 sums, 2 of weights, 1 of activations. Tiles of 12 rows would fit, but are half as fast.
  static constexpr std::size_t kMaxRows = 8;
  static constexpr std::size_t kGroup = 4;
  static constexpr std::int32_t kOffset = 128;

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

  // The lane whose number differs in the bit kStride.
  template <std::size_t kStride>
  static F SwapLanes(F x) {
    if constexpr (kStride == 8) {
      return _mm512_shuffle_f32x4(x, x, 0b01'00'11'10);
    } else if constexpr (kStride == 4) {
      return _mm512_shuffle_f32x4(x, x, 0b10'11'00'01);
    } else if constexpr (kStride == 2) {
      return _mm512_permute_ps(x, 0b01'00'11'10);
    } else {
      return _mm512_permute_ps(x, 0b10'11'00'01);
    }
  }

  static I LoadInts(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static Weights LoadWeights(const std::int8_t* p) { return _mm512_loadu_si512(p); }
  static I LoadGroup(const std::byte* p) {
    std::int32_t group = 0;
    __builtin_memcpy(&group, p, sizeof(group));
    return _mm512_set1_epi32(group);
  }
  static I AddProducts(I sum, I a, Weights b) { return _mm512_dpbusd_epi32(sum, a, b); }
  static F ToFloat(I x) { return _mm512_cvtepi32_ps(x); }
  static void StoreActivations(std::byte* p, F x) {
    const __m512i whole = _mm512_add_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(kOffset));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtusepi32_epi8(whole));
  }

 private:
  static __mmask16 Mask(std::size_t lanes) { return static_cast<__mmask16>((1U << lanes) - 1); }
};

}  // namespace

EncoderKernels Avx512EncoderKernels() {
  return MakeEncoderKernels<Avx512>("avx512vnni");
}

}  // namespace nearhit
