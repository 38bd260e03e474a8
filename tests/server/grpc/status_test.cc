#include "server/grpc/status.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

TEST(GrpcStatus, KeepsCodeAndMessage) {
  for (int code = 1; code <= 15; ++code) {
    const grpc::Status status = ToGrpcStatus(Status(static_cast<StatusCode>(code), "because"));
    EXPECT_EQ(static_cast<int>(status.error_code()), code);
    EXPECT_EQ(status.error_message(), "because");
  }
  EXPECT_TRUE(ToGrpcStatus(Status()).ok());
}

TEST(GrpcStatus, LongMessagesAreClipped) {
  EXPECT_EQ(ToGrpcStatus(Internal(std::string(5000, 'x'))).error_message().size(), 1024U);
}

TEST(GrpcStatus, DeadlineOfForeverStaysForever) {
  EXPECT_EQ(ToSteadyDeadline(std::chrono::system_clock::time_point::max()), TimePoint::max());
  EXPECT_LT(ToSteadyDeadline(std::chrono::system_clock::now() - std::chrono::seconds(1)),
            std::chrono::steady_clock::now());
}

}  // namespace
}  // namespace nearhit::server
