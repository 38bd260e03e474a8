#include "nearhit/result.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

static_assert(!std::is_default_constructible_v<Result<int>>);

Result<int> Half(int value) {
  if (value % 2 != 0) {
    return InvalidArgument("value " + std::to_string(value) + " is odd");
  }
  return value / 2;
}

Result<int> Quarter(int value) {
  NEARHIT_ASSIGN_OR_RETURN(const int half, Half(value));
  return Half(half);
}

Status CheckEven(int value) {
  NEARHIT_RETURN_IF_ERROR(Half(value).status());
  return Status();
}

TEST(ResultTest, HoldsAValue) {
  EXPECT_THAT(Half(8), IsOkAndHolds(4));
}

TEST(ResultTest, HoldsAnError) {
  EXPECT_THAT(Half(7), StatusIs(StatusCode::kInvalidArgument, "value 7 is odd"));
}

TEST(ResultTest, MacrosPassErrorsUp) {
  EXPECT_THAT(Quarter(8), IsOkAndHolds(2));
  EXPECT_THAT(Quarter(6), StatusIs(StatusCode::kInvalidArgument, "value 3 is odd"));
  EXPECT_THAT(CheckEven(2), IsOk());
  EXPECT_THAT(CheckEven(3), StatusIs(StatusCode::kInvalidArgument));
}

// Builds with NEARHIT_STATUS_MUST_BE_READ would abort if the variable stayed unread.
TEST(ResultTest, ReturnIfErrorReadsVariables) {
  const auto pass_on = []() -> Status {
    Status kept;
    kept = Half(3).status();
    NEARHIT_RETURN_IF_ERROR(kept);
    return Status();
  };
  EXPECT_THAT(pass_on(), StatusIs(StatusCode::kInvalidArgument, "value 3 is odd"));
}

TEST(ResultTest, HoldsMoveOnlyTypes) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 5);
}

TEST(ResultTest, ValueOrFallsBack) {
  EXPECT_EQ(Half(3).value_or(-1), -1);
  EXPECT_EQ(Half(4).value_or(-1), 2);
}

TEST(ResultDeathTest, ValueOfAnErrorAborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH({ (void)Half(3).value(); }, "INVALID_ARGUMENT: value 3 is odd");
}

}  // namespace
}  // namespace nearhit
