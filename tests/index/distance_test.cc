// Every kernel that this processor runs, at lengths around every lane count, misaligned, against a
// loop in double precision (after Highway's dot_test).

#include "index/distance.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <sys/mman.h>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit::distance_test {
namespace {

std::vector<std::size_t> Lengths() {
  std::vector<std::size_t> lengths;
  for (std::size_t n = 1; n <= 130; ++n) {
    lengths.push_back(n);
  }
  for (const std::size_t n : {255U, 384U, 385U, 768U, 1000U, 1024U}) {
    lengths.push_back(n);
  }
  return lengths;
}

TEST(DistanceKernelsTest, FloatKernelsMatchDoublePrecision) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (const DistanceKernels& kernels : AvailableKernels()) {
    for (const std::size_t n : Lengths()) {
      std::vector<float> a(n + 1);
      std::vector<float> b(n + 1);
      double dot = 0;
      double l2 = 0;
      double magnitude = 0;
      for (std::size_t i = 1; i <= n; ++i) {  // from 1: one float off any vector's alignment
        a[i] = normal(random);
        b[i] = normal(random);
        dot += double{a[i]} * double{b[i]};
        magnitude += std::abs(double{a[i]} * double{b[i]});
        l2 += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
      }
      EXPECT_NEAR(kernels.dot(a.data() + 1, b.data() + 1, n), dot, 1e-5 * magnitude + 1e-6)
          << kernels.name << " n=" << n;
      EXPECT_NEAR(kernels.l2_squared(a.data() + 1, b.data() + 1, n), l2, 1e-5 * l2 + 1e-6)
          << kernels.name << " n=" << n;
    }
  }
}

// A query for a plane: `a` times the low nibbles, `b` times the high ones.
std::vector<std::int8_t> Halves(const std::vector<std::int8_t>& a,
                                const std::vector<std::int8_t>& b) {
  std::vector<std::int8_t> query(2 * NibbleStride(a.size()));
  std::copy(a.begin(), a.end(), query.begin());
  std::copy(b.begin(), b.end(),
            query.begin() + static_cast<std::ptrdiff_t>(NibbleStride(a.size())));
  return query;
}

TEST(DistanceKernelsTest, NibbleKernelsAreExact) {
  std::mt19937 random(11);
  const auto code = [&random] {
    return static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
  };
  for (const DistanceKernels& kernels : AvailableKernels()) {
    for (const std::size_t n : Lengths()) {
      std::vector<std::uint8_t> plane(n + 1);  // read from its second byte on: not aligned
      std::vector<std::int8_t> a(n);
      std::vector<std::int8_t> b(n);
      std::int64_t dot = 0;
      for (std::size_t i = 0; i < n; ++i) {
        plane[i + 1] = static_cast<std::uint8_t>(random());
        a[i] = code();
        b[i] = code();
        dot += a[i] * (plane[i + 1] % 16) + b[i] * (plane[i + 1] / 16);
      }
      EXPECT_EQ(kernels.dot_nibbles(plane.data() + 1, Halves(a, b).data(), n), dot)
          << kernels.name << " n=" << n;
    }
  }
}

// The extremes that saturate 16-bit multiply-add instructions.
TEST(DistanceKernelsTest, NibbleKernelsDoNotSaturate) {
  constexpr std::int32_t kBytes = 4'096;
  const std::vector<std::uint8_t> plane(kBytes, 0xff);
  for (const int value : {-127, 127}) {
    const std::vector<std::int8_t> half(kBytes, static_cast<std::int8_t>(value));
    for (const DistanceKernels& kernels : AvailableKernels()) {
      EXPECT_EQ(kernels.dot_nibbles(plane.data(), Halves(half, half).data(), plane.size()),
                2 * kBytes * 15 * value)
          << kernels.name;
    }
  }
}

// Bytes that end where the next page may not be read.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::size_t bytes) : mapped_((bytes + kPage - 1) / kPage * kPage + kPage) {
    memory_ = static_cast<std::byte*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS, /*fd=*/-1, /*offset=*/0));
    EXPECT_NE(memory_, MAP_FAILED);
    EXPECT_EQ(mprotect(memory_ + mapped_ - kPage, kPage, PROT_NONE), 0);
    begin_ = memory_ + mapped_ - kPage - bytes;
  }
  ~GuardedBytes() { munmap(memory_, mapped_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  std::byte* begin() const { return begin_; }

 private:
  static constexpr std::size_t kPage = 4'096;
  std::size_t mapped_;
  std::byte* memory_;
  std::byte* begin_;
};

TEST(DistanceKernelsTest, ListsAreScoredAsTheirPlanesAre) {
  constexpr std::size_t kRecords = 40;
  constexpr std::size_t kOffset = 12;
  std::mt19937 random(12);
  std::vector<std::size_t> lengths = Lengths();
  lengths.insert(lengths.end(), {192, 300, 383, 447, 448, 449, 512, 513});
  for (const std::size_t n : lengths) {
    const std::size_t stride = kOffset + n;
    const GuardedBytes records(kRecords * stride);
    for (std::size_t i = 0; i < kRecords; ++i) {
      std::byte* record = records.begin() + i * stride;
      const float scale = 0.25F * static_cast<float>(i + 1);
      std::memcpy(record + 4, &scale, sizeof(scale));
      std::generate(record + kOffset, record + stride,
                    [&random] { return static_cast<std::byte>(random()); });
    }
    std::vector<std::int8_t> half(n);
    std::generate(half.begin(), half.end(), [&random] {
      return static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
    });
    const std::vector<std::int8_t> codes = Halves(half, half);
    const PlaneQuery query{.codes = codes.data(),
                           .plane_bytes = n,
                           .plane_offset = kOffset,
                           .scale_offset = 4,
                           .bias = 17,
                           .scale = 0.5F};
    for (const DistanceKernels& kernels : AvailableKernels()) {
      for (const std::size_t count : {0U, 1U, 2U, 33U}) {
        std::vector<std::uint32_t> numbers(count, kRecords - 1);
        for (std::size_t i = 0; i < count; i += 2) {
          numbers[i] = static_cast<std::uint32_t>(random() % kRecords);
        }
        const RecordList list{.records = records.begin(), .stride = stride, .numbers = numbers};
        std::vector<float> scores(count);
        kernels.score_planes(list, query, scores.data());
        for (std::size_t i = 0; i < count; ++i) {
          const auto* plane = reinterpret_cast<const std::uint8_t*>(list[i] + kOffset);
          const std::int32_t dot = kernels.dot_nibbles(plane, codes.data(), n);
          const float scale = 0.25F * static_cast<float>(numbers[i] + 1);
          EXPECT_FLOAT_EQ(scores[i], static_cast<float>(dot - 17) * 0.5F * scale)
              << kernels.name << " n=" << n << " record " << numbers[i];
        }
      }
    }
  }
}

TEST(ScoreTest, UserAndRawScoresAreInverse) {
  for (const Metric metric : {Metric::kCosine, Metric::kInnerProduct, Metric::kL2}) {
    for (const float user : {0.1F, 0.5F, 0.9F, 1.0F}) {
      EXPECT_NEAR(UserScore(metric, RawScore(metric, user)), user, 1e-5);
    }
  }
  EXPECT_FLOAT_EQ(UserScore(Metric::kL2, -3.0F), 0.25F);
}

}  // namespace
}  // namespace nearhit::distance_test
