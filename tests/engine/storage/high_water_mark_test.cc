#include "engine/storage/high_water_mark.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

constexpr std::uint64_t kSequence = 34;

HighWaterMark Mark() {
  return {.sequence = kSequence,
          .manifest = {.number = 5, .bytes = 100},
          .logs = {{.number = 4, .bytes = 10}, {.number = 6, .bytes = 20}}};
}

TEST(HighWaterMarkTest, RoundTripsAndSeesDamage) {
  const TempDir dir;
  const auto path = dir.path() / "HIGHWATER";
  EXPECT_THAT(ReadHighWaterMark(path), StatusIs(StatusCode::kNotFound));
  ASSERT_THAT(WriteHighWaterMark(path, {.sequence = 12}), IsOk());
  EXPECT_THAT(ReadHighWaterMark(path), IsOkAndHolds(HighWaterMark{.sequence = 12}));
  ASSERT_THAT(WriteHighWaterMark(path, Mark()), IsOk());
  EXPECT_THAT(ReadHighWaterMark(path), IsOkAndHolds(Mark()));
  const std::string good = *ReadWholeFile(path, 1'000);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    ASSERT_THAT(WriteFileAtomically(path, bad), IsOk());
    EXPECT_THAT(ReadHighWaterMark(path), StatusIs(StatusCode::kDataLoss)) << at;
    ASSERT_THAT(WriteFileAtomically(path, good.substr(0, at)), IsOk());
    EXPECT_THAT(ReadHighWaterMark(path), StatusIs(StatusCode::kDataLoss)) << at;
  }
}

TEST(HighWaterMarkTest, ForgetsALogAlsoWhereThereIsNoRoomForAnotherFile) {
  const TempDir dir;
  MarkFile file(dir.path() / "HIGHWATER");
  ASSERT_THAT(file.Record(Mark(), [] { return Mark().logs; }), IsOk());
  ASSERT_THAT(file.Forget(99), IsOk());
  EXPECT_THAT(ReadHighWaterMark(file.path()), IsOkAndHolds(Mark()));
  HighWaterMark expected = Mark();
  expected.logs.erase(expected.logs.begin());
  ASSERT_THAT(file.Forget(4), IsOk());
  EXPECT_THAT(ReadHighWaterMark(file.path()), IsOkAndHolds(expected));
  std::filesystem::create_directory(dir.path() / "HIGHWATER.tmp");  // in the way
  expected.logs.clear();
  ASSERT_THAT(file.Forget(6), IsOk());
  EXPECT_THAT(ReadHighWaterMark(file.path()), IsOkAndHolds(expected));
}

}  // namespace
}  // namespace nearhit
