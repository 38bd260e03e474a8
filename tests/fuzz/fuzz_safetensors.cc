// The safetensors reader. Input: the file.

#include <string>

#include "engine/model/safetensors.h"
#include "engine/model/tensor_numbers.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit {
namespace {

void CheckTensor(const Safetensors& file, const std::string& name, const Tensor& tensor) {
  std::size_t numbers = 1;
  for (const std::size_t size : tensor.shape) {
    numbers *= size;
  }
  FUZZ_CHECK(tensor.bytes.size() == numbers * TensorTypeBytes(tensor.type));
  const auto floats = file.ReadFloats(name, tensor.shape);
  FUZZ_CHECK(floats.ok() ? floats->size() == numbers && FirstNotFinite(*floats) == numbers
                         : floats.status().code() == StatusCode::kInvalidArgument);
  const auto integers = file.ReadIntegers(name, tensor.shape);
  FUZZ_CHECK(integers.ok() ? integers->size() == numbers
                           : integers.status().code() == StatusCode::kInvalidArgument);
}

void Run(std::string_view bytes) {
  const auto file = Safetensors::Parse(std::string(bytes), "f");
  if (!file.ok()) {
    FUZZ_CHECK(file.status().code() == StatusCode::kInvalidArgument);
    FUZZ_CHECK(file.status().message().starts_with("f: "));
    return;
  }
  std::size_t total = 0;
  for (const auto& [name, tensor] : (*file)->tensors()) {
    FUZZ_CHECK((*file)->Find(name) == &tensor);
    CheckTensor(**file, name, tensor);
    total += tensor.bytes.size();
  }
  FUZZ_CHECK(total < bytes.size());  // they cover it without overlaps
}

}  // namespace
}  // namespace nearhit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
