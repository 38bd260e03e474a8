// Operations on the public API against a model. Input: the metric, then operations. Built twice:
// over memory, and (NEARHIT_FUZZ_ON_DISK) over storage on disk with reopening, which is much
// slower.

#include "tests/fuzz/ops_machine.h"

#ifdef NEARHIT_FUZZ_ON_DISK
constexpr bool kOnDisk = true;
#else
constexpr bool kOnDisk = false;
#endif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::FuzzInput input(data, size);
  nearhit::OpsMachine machine(static_cast<nearhit::Metric>(input.Byte() % 3), kOnDisk);
  for (int step = 0; step < 200 && !input.empty(); ++step) {
    machine.Step(&input);
  }
  machine.CheckAll();
  return 0;
}
