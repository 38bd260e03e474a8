#include "index/sign_codes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/prefetch.h"

namespace nearhit {

namespace {
// Sharp bounds keep so much of the slack: roundings of all kinds are left of the error.
constexpr double kLeastSlack = 0.1;
// Norms are summed in float32.
constexpr float kNormRounding = 4e-6F;

// With zeros behind it.
std::vector<float> WholeColumns(VectorView vector, const SignKernels& kernels) {
  std::vector<float> padded((vector.size() + kernels.bits - 1) / kernels.bits * kernels.bits);
  std::copy(vector.begin(), vector.end(), padded.begin());
  return padded;
}
}  // namespace

SignCodes::SignCodes(std::size_t dimension, IndexMetric metric, const SignKernels& kernels)
    : dimension_(dimension),
      metric_(metric),
      kernels_(&kernels),
      columns_((dimension + kernels.bits - 1) / kernels.bits),
      block_bytes_(sizeof(SignFactors) + columns_ * kSignLanes) {
}

SignCode EncodeSigns(VectorView vector, const SignKernels& kernels, float step) {
  const std::vector<float> rotated = WholeColumns(vector, kernels);
  double squares = 0;
  double magnitudes = 0;
  for (const float component : rotated) {
    squares += static_cast<double>(component) * static_cast<double>(component);
    magnitudes += std::abs(static_cast<double>(component));
  }
  // x . q = product * (signs . q) + (what is left of x beside its signs) . q, and the second,
  // across from x, is as long as `beside`; of a random direction it has 1 / (d - 1) of its square.
  const double product = magnitudes > 0 ? squares / magnitudes : 0;
  const auto dimension = static_cast<double>(vector.size());
  const double beside = std::max(0.0, product * product * dimension - squares);
  // Float arithmetic, and what rounding to codes moved the vector by (Codec::RangeOf), which
  // Sharpen must not make less.
  const double rounding =
      2e-5 * std::sqrt(squares) + static_cast<double>(step) * std::sqrt(dimension) /
                                      (static_cast<double>(SignCodes::kDeviations) * kLeastSlack);
  SignCode code{
      .bytes = std::vector<std::uint8_t>(rotated.size() / kernels.bits),
      .product = static_cast<float>(product),
      .error = static_cast<float>(std::sqrt(beside / std::max(1.0, dimension - 1)) + rounding),
      .squared_norm = static_cast<float>(squares)};
  for (std::size_t column = 0; column < code.bytes.size(); ++column) {
    std::uint32_t byte = 0;
    for (std::size_t bit = 0; bit < kernels.bits; ++bit) {
      byte |= (rotated[column * kernels.bits + bit] > 0 ? 1U : 0U) << bit;
    }
    code.bytes[column] = static_cast<std::uint8_t>(byte);
  }
  return code;
}

void SignCodes::Set(std::size_t slot, const SignCode& code) {
  NEARHIT_CHECK(code.bytes.size() == columns_);
  const std::size_t block = slot / kSignLanes;
  blocks_ = std::max(blocks_, block + 1);
  if (blocks_ > capacity_) {
    capacity_ = std::max(blocks_, 2 * capacity_);
    memory_.Grow(capacity_ * block_bytes_);
  }
  SignFactors* factors = Factors(block);
  const std::size_t lane = slot % kSignLanes;
  factors->product[lane] = code.product;
  factors->error[lane] = code.error;
  factors->addend[lane] =
      metric_ == IndexMetric::kL2 ? (kNormRounding - 1) * code.squared_norm : code.shift;
  largest_shift_ = std::max(largest_shift_, code.shift);
  longest_squared_ = std::max(longest_squared_, static_cast<double>(code.squared_norm));
  least_error_ = std::min(least_error_, code.error);
  std::uint8_t* const bytes = Columns(block) + SignByte(lane);
  for (std::size_t column = 0; column < columns_; ++column) {
    bytes[column * kSignLanes] = code.bytes[column];
  }
}

void SignCodes::Copy(std::size_t from, std::size_t to) {
  const SignFactors* source = Factors(from / kSignLanes);
  SignFactors* target = Factors(to / kSignLanes);
  const std::uint8_t* source_columns = Columns(from / kSignLanes);
  std::uint8_t* target_columns = Columns(to / kSignLanes);
  const std::size_t from_lane = from % kSignLanes;
  const std::size_t to_lane = to % kSignLanes;
  target->product[to_lane] = source->product[from_lane];
  target->error[to_lane] = source->error[from_lane];
  target->addend[to_lane] = source->addend[from_lane];
  for (std::size_t column = 0; column < columns_; ++column) {
    target_columns[column * kSignLanes + SignByte(to_lane)] =
        source_columns[column * kSignLanes + SignByte(from_lane)];
  }
}

void SignCodes::Shrink(std::size_t slots) {
  const std::size_t blocks = (slots + kSignLanes - 1) / kSignLanes;
  if (blocks < blocks_) {
    blocks_ = blocks;
    memory_.Discard(blocks_ * block_bytes_);
  }
}

SignQuery SignCodes::Prepare(VectorView query) const {
  NEARHIT_CHECK(query.size() == dimension_);
  const std::vector<float> rotated = WholeColumns(query, *kernels_);

  const std::size_t lookup = kernels_->lookup;
  const std::size_t entries = std::size_t{1} << lookup;
  const std::size_t tables = rotated.size() / lookup;
  float widest = 0;
  float total = 0;
  float squares = 0;
  for (std::size_t table = 0; table < tables; ++table) {
    float magnitudes = 0;
    for (const float component : std::span(rotated).subspan(table * lookup, lookup)) {
      magnitudes += std::abs(component);
      squares += component * component;
    }
    widest = std::max(widest, magnitudes);
    total += magnitudes;
  }
  SignQuery ready;
  ready.columns = columns_;
  ready.tables.resize((tables * entries + sizeof(SignTable) - 1) / sizeof(SignTable));
  // An entry stands for its sum plus `magnitudes` of its table, which all tables together subtract.
  const std::uint8_t largest = LargestSignEntry(*kernels_, columns_);
  const float scale = widest > 0 ? static_cast<float>(largest) / (2 * widest) : 0.0F;
  const float factor = metric_ == IndexMetric::kL2 ? 2.0F : 1.0F;
  ready.step = widest > 0 ? factor * 2 * widest / static_cast<float>(largest) : 0.0F;
  // Rounding of an entry moves it by up to half a step: a deviation of a twelfth of it squared.
  ready.offset =
      kDeviations * ready.step * std::sqrt(static_cast<float>(tables) / 12) - factor * total;
  ready.slack = factor * kDeviations * std::sqrt(squares);
  ready.squared_norm = squares;
  ready.addend = metric_ == IndexMetric::kL2 ? (kNormRounding - 1) * squares : 0.0F;

  kernels_->tables(rotated, scale, largest, ready.tables.front().entries.data());
  return ready;
}

float SignCodes::Sharpen(float limit, SignQuery* query) const {
  const double length = std::sqrt(static_cast<double>(query->squared_norm));
  double across = 1;  // of the query, as a share of its length
  if (metric_ == IndexMetric::kL2) {
    across = length > 0 ? std::sqrt(std::max(0.0, -static_cast<double>(limit))) / length : 1;
  } else {
    const double product = static_cast<double>(limit) - static_cast<double>(largest_shift_);
    const double lengths = length * std::sqrt(longest_squared_);
    if (product > 0 && lengths > 0) {
      const double cosine = std::min(1.0, product / lengths);
      across = std::sqrt(1 - cosine * cosine);
    }
  }
  if (!(across < 1)) {
    return 0;
  }
  const float factor = metric_ == IndexMetric::kL2 ? 2.0F : 1.0F;
  const float before = query->slack;
  query->slack = factor * kDeviations * static_cast<float>(length * std::max(kLeastSlack, across));
  return std::max(0.0F, before - query->slack);
}

float SignCodes::Bounds(const SignQuery& query, std::size_t block,
                        std::span<float, kSignLanes> bounds) const {
  return kernels_->bounds(query, Columns(block), *Factors(block), bounds.data());
}

std::size_t SignCodes::memory_bytes() const {
  return sizeof(*this) + blocks_ * block_bytes_;
}

// Without a branch on a lane, eight at a time: few reach it.
void SignCodes::AppendReaching(std::size_t block, std::span<const float, kSignLanes> bounds,
                               const SignReach& reach,
                               std::vector<SignCandidate>* candidates) const {
  constexpr std::size_t kAhead = 2;  // blocks whose errors are on their way from memory
  if (block + kAhead < blocks_) {
    Prefetch(Factors(block + kAhead)->error.data(), sizeof(SignFactors::error));
  }
  const std::array<float, kSignLanes>& errors = Factors(block)->error;
  std::array<float, kSignLanes> left{};
  std::array<std::uint8_t, kSignLanes> reaches{};
  for (std::size_t lane = 0; lane < kSignLanes; ++lane) {
    left[lane] = bounds[lane] - reach.slack * errors[lane];
    reaches[lane] = static_cast<std::uint8_t>(left[lane] >= reach.limit);
  }
  for (std::size_t eight = 0; eight < kSignLanes; eight += sizeof(std::uint64_t)) {
    std::uint64_t any = 0;
    std::memcpy(&any, reaches.data() + eight, sizeof(any));
    for (std::size_t lane = eight; any != 0; ++lane, any >>= 8U) {
      const std::size_t slot = block * kSignLanes + lane;
      if ((any & 1U) != 0 && slot < reach.slots) {
        candidates->push_back({.slot = static_cast<std::uint32_t>(slot), .bound = left[lane]});
      }
    }
  }
}

}  // namespace nearhit
