#include "cli/run_cli.h"

#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/client.h"

namespace nearhit {
namespace {

int RunWith(std::vector<const char*> arguments, std::string* out) {
  arguments.insert(arguments.begin(), "nearhit");
  std::ostringstream answers;
  std::ostringstream errors;
  const int code = RunCli(static_cast<int>(arguments.size()), arguments.data(), answers, errors);
  *out = answers.str() + errors.str();
  return code;
}

TEST(RunCliTest, TellsWrongUseFromHelp) {
  std::string out;
  EXPECT_EQ(RunWith({"--help"}, &out), kExitOk);
  EXPECT_THAT(out, testing::HasSubstr("Exit codes:"));
  EXPECT_EQ(RunWith({}, &out), kExitUsage);
  EXPECT_EQ(RunWith({"frobnicate"}, &out), kExitUsage);
  EXPECT_EQ(RunWith({"get", "-n", "a"}, &out), kExitUsage);
  EXPECT_EQ(RunWith({"get", "-n", "a", "1", "--key", "k"}, &out), kExitUsage);
  EXPECT_EQ(RunWith({"invalidate", "-n", "a"}, &out), kExitUsage);
  EXPECT_EQ(RunWith({"store", "-n", "a", "p", "a", "--ttl", "soon"}, &out), kExitUsage);
  EXPECT_EQ(RunWith({"import", "-n", "a", "/does/not/exist"}, &out), kExitUsage);
}

TEST(RunCliTest, SaysThatNobodyIsThere) {
  std::string out;
  EXPECT_EQ(RunWith({"--target", "unix:/does/not/exist", "--timeout", "2", "ping"}, &out),
            kExitUnavailable);
}

TEST(RunCliTest, MapsCodesToExitCodes) {
  EXPECT_EQ(ExitCodeOf(StatusCode::kNotFound), kExitNotFound);
  EXPECT_EQ(ExitCodeOf(StatusCode::kFailedPrecondition), kExitRefused);
  EXPECT_EQ(ExitCodeOf(StatusCode::kDeadlineExceeded), kExitUnavailable);
  EXPECT_EQ(ExitCodeOf(StatusCode::kDataLoss), kExitOther);
}

}  // namespace
}  // namespace nearhit
