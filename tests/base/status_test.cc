#include "nearhit/status.h"

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(StatusTest, DefaultIsOk) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.ToString(), "OK");
}

TEST(StatusTest, ErrorKeepsCodeAndMessage) {
  const Status status = InvalidArgument("dimension 3 does not match 4");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.ToString(), "INVALID_ARGUMENT: dimension 3 does not match 4");
}

TEST(StatusTest, CopyAndMoveKeepTheError) {
  Status status = NotFound("namespace \"a\"");
  const Status copy = status;
  const Status moved = std::move(status);
  EXPECT_EQ(copy, moved);
  EXPECT_NE(copy, Status());
}

TEST(StatusTest, CodesAreThoseOfGoogleRpc) {
  EXPECT_EQ(static_cast<int>(StatusCode::kInvalidArgument), 3);
  EXPECT_EQ(static_cast<int>(StatusCode::kDeadlineExceeded), 4);
  EXPECT_EQ(static_cast<int>(StatusCode::kFailedPrecondition), 9);
  EXPECT_EQ(static_cast<int>(StatusCode::kDataLoss), 15);
}

#ifdef NEARHIT_STATUS_MUST_BE_READ
TEST(StatusDeathTest, DroppingAnUnreadErrorAborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH({ const Status dropped = Internal("nobody looked"); },
               "dropped unread: nobody looked");
}
#endif

}  // namespace
}  // namespace nearhit
