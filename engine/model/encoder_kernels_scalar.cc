// For any processor. Small arrays stand for vectors, so that this runs the same code as the others.
#include "engine/model/encoder_kernels_inl.h"

namespace nearhit {

namespace {

struct Scalar {
  static constexpr std::size_t kLanes = 4;
  static constexpr std::size_t kVectors = 2;
  static constexpr std::size_t kMaxRows = 2;
  static constexpr std::size_t kGroup = 2;
  static constexpr std::int32_t kOffset = 0;
  using Activation = std::int16_t;

  struct F {
    float lane[kLanes];
  };
  struct I {
    std::int32_t lane[kLanes];
  };
  struct Weights {
    std::int8_t pair[kLanes][2];
  };

  template <typename Make>
  static F Each(Make make) {
    F result{};
    for (std::size_t i = 0; i < kLanes; ++i) {
      result.lane[i] = make(i);
    }
    return result;
  }

  static F Set(float x) {
    return Each([&](std::size_t) { return x; });
  }
  static F Load(const float* p) {
    return Each([&](std::size_t i) { return p[i]; });
  }
  static void Store(float* p, F x) { StorePart(p, x, kLanes); }
  static F LoadPart(const float* p, std::size_t lanes, float rest) {
    return Each([&](std::size_t i) { return i < lanes ? p[i] : rest; });
  }
  static void StorePart(float* p, F x, std::size_t lanes) {
    for (std::size_t i = 0; i < lanes; ++i) {
      p[i] = x.lane[i];
    }
  }
  static F KeepFirst(F x, std::size_t lanes) {
    return Each([&](std::size_t i) { return i < lanes ? x.lane[i] : 0.0F; });
  }
  static F Add(F a, F b) {
    return Each([&](std::size_t i) { return a.lane[i] + b.lane[i]; });
  }
  static F Sub(F a, F b) {
    return Each([&](std::size_t i) { return a.lane[i] - b.lane[i]; });
  }
  static F Mul(F a, F b) {
    return Each([&](std::size_t i) { return a.lane[i] * b.lane[i]; });
  }
  static F Div(F a, F b) {
    return Each([&](std::size_t i) { return a.lane[i] / b.lane[i]; });
  }
  static F Fma(F a, F b, F c) {
    return Each([&](std::size_t i) { return a.lane[i] * b.lane[i] + c.lane[i]; });
  }
  static F Max(F a, F b) {
    return Each([&](std::size_t i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static F Min(F a, F b) {
    return Each([&](std::size_t i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static F Abs(F x) {
    return Each([&](std::size_t i) { return __builtin_fabsf(x.lane[i]); });
  }
  static F Round(F x) {
    return Each([&](std::size_t i) { return __builtin_rintf(x.lane[i]); });
  }
  // 2^n of whole numbers within the exponents of normal floats.
  static F PowerOfTwo(F n) {
    return Each([&](std::size_t i) { return __builtin_ldexpf(1.0F, static_cast<int>(n.lane[i])); });
  }
  static float ReduceAdd(F x) { return (x.lane[0] + x.lane[2]) + (x.lane[1] + x.lane[3]); }
  static float ReduceMax(F x) {
    float max = x.lane[0];
    for (const float lane : x.lane) {
      max = lane > max ? lane : max;
    }
    return max;
  }

  // The lane whose number differs in the bit kStride.
  template <std::size_t kStride>
  static F SwapLanes(F x) {
    return Each([&](std::size_t i) { return x.lane[i ^ kStride]; });
  }

  static I LoadInts(const std::int32_t* p) {
    I ints{};
    __builtin_memcpy(&ints, p, sizeof(ints));
    return ints;
  }
  static Weights LoadWeights(const std::int8_t* p) {
    Weights weights{};
    __builtin_memcpy(&weights, p, sizeof(weights));
    return weights;
  }
  struct Group {
    Activation pair[kGroup];
  };
  static Group LoadGroup(const std::byte* p) {
    Group group{};
    __builtin_memcpy(&group, p, sizeof(group));
    return group;
  }
  static I AddProducts(I sum, Group a, const Weights& b) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      sum.lane[i] += a.pair[0] * b.pair[i][0] + a.pair[1] * b.pair[i][1];
    }
    return sum;
  }
  static F ToFloat(I x) {
    return Each([&](std::size_t i) { return static_cast<float>(x.lane[i]); });
  }
  static void StoreActivations(std::byte* p, F x) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      const auto value = static_cast<Activation>(__builtin_lrintf(x.lane[i]));
      __builtin_memcpy(p + i * sizeof(value), &value, sizeof(value));
    }
  }
};

}  // namespace

EncoderKernels ScalarEncoderKernels() {
  return MakeEncoderKernels<Scalar>("scalar");
}

}  // namespace nearhit
