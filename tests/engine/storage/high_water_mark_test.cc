#include "engine/storage/high_water_mark.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

TEST(HighWaterMarkTest, RoundTripsAndSeesDamage) {
  const TempDir dir;
  const auto path = dir.path() / "HIGHWATER";
  EXPECT_THAT(ReadHighWaterMark(path), StatusIs(StatusCode::kNotFound));
  ASSERT_THAT(WriteHighWaterMark(path, 12), IsOk());
  ASSERT_THAT(WriteHighWaterMark(path, 34), IsOk());
  EXPECT_THAT(ReadHighWaterMark(path), IsOkAndHolds(34U));
  const std::string good = *ReadWholeFile(path, 100);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    ASSERT_THAT(WriteFileAtomically(path, bad), IsOk());
    EXPECT_THAT(ReadHighWaterMark(path), StatusIs(StatusCode::kDataLoss)) << at;
    ASSERT_THAT(WriteFileAtomically(path, good.substr(0, at)), IsOk());
    EXPECT_THAT(ReadHighWaterMark(path), StatusIs(StatusCode::kDataLoss)) << at;
  }
}

}  // namespace
}  // namespace nearhit
