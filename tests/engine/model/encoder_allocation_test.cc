// A call of the encoder allocates nothing once there have been calls like it.

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include <gtest/gtest.h>

#include "engine/model/bert_encoder.h"
#include "tests/engine/model/naive_bert.h"
#include "tests/support/no_deadline.h"

namespace {
std::atomic<std::size_t> allocations = 0;

void* Allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}
}  // namespace

// Not inline: GCC would see that what new made goes to free.
#define NOINLINE __attribute__((noinline))
NOINLINE void* operator new(std::size_t size) {
  return Allocate(size, alignof(std::max_align_t));
}
NOINLINE void* operator new(std::size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<std::size_t>(alignment));
}
NOINLINE void operator delete(void* memory) noexcept {
  std::free(memory);
}
NOINLINE void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
NOINLINE void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
NOINLINE void operator delete(void* memory, std::size_t /*size*/,
                              std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}

namespace nearhit {
namespace {

TEST(EncoderAllocationTest, NoneAfterTheFirstCalls) {
  constexpr BertConfig kConfig{.layers = 2,
                               .hidden = 32,
                               .heads = 4,
                               .intermediate = 64,
                               .vocabulary = 20,
                               .positions = 40,
                               .token_types = 2,
                               .layer_norm_eps = 1e-12F};
  for (const Arithmetic arithmetic : {Arithmetic::kFloat32, Arithmetic::kFast}) {
    NaiveBert naive(kConfig);
    const auto encoder = BertEncoder::Load(kConfig, {.arithmetic = arithmetic}, naive.Reader());
    ASSERT_TRUE(encoder.ok());
    const std::vector<std::int32_t> ids(200, 3);
    const std::vector<std::uint32_t> lengths(5, 40);
    std::vector<float> out(5 * kConfig.hidden);
    const auto encode = [&](std::size_t texts) {
      const Status status =
          (*encoder)->Encode(std::span(ids).first(texts * 40), std::span(lengths).first(texts),
                             kNoDeadline, std::span(out).first(texts * kConfig.hidden));
      EXPECT_TRUE(status.ok());
    };
    encode(5);
    const std::size_t before = allocations;
    encode(1);
    encode(5);
    encode(2);
    EXPECT_EQ(allocations, before);
  }
}

}  // namespace
}  // namespace nearhit
