#include "index/paged_memory.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace nearhit::paged_memory_test {
namespace {

TEST(PagedMemoryTest, GrowsWithItsContentsAndZeros) {
  PagedMemory memory;
  EXPECT_EQ(memory.data(), nullptr);
  memory.Grow(100);
  memory.data()[99] = std::byte{7};
  // Over pages, into huge ones, and on.
  for (const std::size_t bytes : {std::size_t{50}, std::size_t{5'000}, std::size_t{1} << 20U,
                                  std::size_t{3} << 20U, std::size_t{40} << 20U}) {
    memory.Grow(bytes);
    EXPECT_EQ(memory.data()[99], std::byte{7}) << bytes;
    EXPECT_EQ(memory.data()[100], std::byte{0}) << bytes;
    EXPECT_EQ(memory.data()[bytes - 1], std::byte{0}) << bytes;
    memory.data()[bytes - 1] = std::byte{0};
  }
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % (2U << 20U), 0U);
}

TEST(PagedMemoryTest, WithAReserveItGrowsInPlace) {
  for (const std::size_t reserved : {std::size_t{10'000}, std::size_t{5} << 20U}) {
    PagedMemory memory(reserved);
    const std::byte* const place = memory.data();
    for (const std::size_t bytes : {std::size_t{100}, std::size_t{5'000}, reserved}) {
      ASSERT_TRUE(memory.GrowsInPlace(bytes));
      memory.Grow(bytes);
      EXPECT_EQ(memory.data()[bytes - 1], std::byte{0});
      memory.data()[99] = std::byte{7};
    }
    EXPECT_EQ(memory.data(), place);
    EXPECT_EQ(memory.data()[99], std::byte{7});
    EXPECT_FALSE(memory.GrowsInPlace(2 * reserved));
  }
}

TEST(PagedMemoryTest, DiscardsWholePagesOnly) {
  PagedMemory memory;
  memory.Grow(20'000);
  memory.data()[5'000] = std::byte{1};
  memory.data()[19'999] = std::byte{1};
  memory.Discard(5'000);
  EXPECT_EQ(memory.data()[5'000], std::byte{1});
  EXPECT_EQ(memory.data()[19'999], std::byte{0});
}

TEST(PagedMemoryTest, MovesAway) {
  PagedMemory memory;
  memory.Grow(100);
  memory.data()[0] = std::byte{3};
  PagedMemory other = std::move(memory);
  EXPECT_EQ(other.data()[0], std::byte{3});
}

}  // namespace
}  // namespace nearhit::paged_memory_test
