#include "engine/model/encoder_kernels.h"

#include <vector>

namespace nearhit {

namespace {

std::vector<EncoderKernels> Detect() {
  std::vector<EncoderKernels> found;
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
      __builtin_cpu_supports("avx512vnni") != 0) {
    found.push_back(Avx512EncoderKernels());
  }
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) {
    found.push_back(Avx2EncoderKernels());
  }
  found.push_back(ScalarEncoderKernels());
  return found;
}

}  // namespace

std::span<const EncoderKernels> AvailableEncoderKernels() {
  static const auto* const kernels = new std::vector<EncoderKernels>(Detect());
  return *kernels;
}

const EncoderKernels& BestEncoderKernels() {
  static const EncoderKernels& kernels = AvailableEncoderKernels().front();
  return kernels;
}

}  // namespace nearhit
