#include "formats/vector_file.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/coding.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class VectorFileTest : public testing::Test {
 protected:
  std::filesystem::path Write(const std::string& name, const std::string& bytes) {
    std::filesystem::path path = dir_.path() / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  TempDir dir_;
};

template <typename T>
std::string Components(std::initializer_list<T> values) {
  std::string bytes;
  for (const T value : values) {
    PutFixed(&bytes, value);
  }
  return bytes;
}

template <typename T>
std::string VecsRow(std::initializer_list<T> values) {
  return Components<std::int32_t>({static_cast<std::int32_t>(values.size())}) + Components(values);
}

std::string Npy(const std::string& dictionary, const std::string& data, char major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {major, '\0'};
  const std::string padded = dictionary + std::string(7, ' ') + '\n';
  if (major == 1) {
    PutFixed(&bytes, static_cast<std::uint16_t>(padded.size()));
  } else {
    PutFixed(&bytes, static_cast<std::uint32_t>(padded.size()));
  }
  return bytes + padded + data;
}

std::string Dictionary(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

TEST_F(VectorFileTest, ReadsTexmexFiles) {
  const auto floats =
      ReadVectorFile(Write("a.fvecs", VecsRow<float>({1, -2.5F, 3}) + VecsRow<float>({4, 5, 6})));
  ASSERT_THAT(floats, IsOk());
  EXPECT_EQ(floats->rows, 2U);
  EXPECT_EQ(floats->dimension, 3U);
  EXPECT_THAT(floats->row(0), ElementsAre(1, -2.5F, 3));
  EXPECT_THAT(floats->row(1), ElementsAre(4, 5, 6));

  const auto bytes = ReadVectorFile(Write("a.bvecs", VecsRow<std::uint8_t>({0, 255})));
  ASSERT_THAT(bytes, IsOk());
  EXPECT_THAT(bytes->row(0), ElementsAre(0, 255));

  const auto ids =
      ReadIvecs(Write("a.ivecs", VecsRow<std::int32_t>({7, -1}) + VecsRow<std::int32_t>({9})));
  ASSERT_THAT(ids, IsOk());
  EXPECT_THAT(*ids, ElementsAre(ElementsAre(7, -1), ElementsAre(9)));
}

TEST_F(VectorFileTest, ReadsBigAnnFiles) {
  const std::string header = Components<std::uint32_t>({2, 2});
  const auto floats = ReadVectorFile(Write("a.fbin", header + Components<float>({1, 2, 3, 4})));
  ASSERT_THAT(floats, IsOk());
  EXPECT_THAT(floats->values, ElementsAre(1, 2, 3, 4));
  const auto ints =
      ReadVectorFile(Write("a.i8bin", header + Components<std::int8_t>({-128, 127, 0, 1})));
  ASSERT_THAT(ints, IsOk());
  EXPECT_THAT(ints->values, ElementsAre(-128, 127, 0, 1));
  const auto bytes =
      ReadVectorFile(Write("a.u8bin", header + Components<std::uint8_t>({255, 0, 1, 2})));
  ASSERT_THAT(bytes, IsOk());
  EXPECT_THAT(bytes->values, ElementsAre(255, 0, 1, 2));
}

TEST_F(VectorFileTest, ReadsEveryFloatOfNpy) {
  for (const char major : {'\1', '\2'}) {
    const auto singles = ReadVectorFile(
        Write("f4.npy", Npy(Dictionary("<f4", "(2, 1)"), Components<float>({1.5F, -2}), major)));
    ASSERT_THAT(singles, IsOk());
    EXPECT_THAT(singles->values, ElementsAre(1.5F, -2));
  }
  const auto doubles = ReadVectorFile(
      Write("f8.npy", Npy(Dictionary("<f8", "(1, 2)"), Components<double>({0.1, -4}))));
  ASSERT_THAT(doubles, IsOk());
  EXPECT_THAT(doubles->values, ElementsAre(0.1F, -4));
}

TEST_F(VectorFileTest, WidensEveryKindOfHalf) {
  const auto halves = ReadVectorFile(
      Write("f2.npy", Npy(Dictionary("<f2", "(1, 10)"),
                          Components<std::uint16_t>({0x0000, 0x8000, 0x3C00, 0xC000, 0x0001, 0x03FF,
                                                     0x0400, 0x7BFF, 0x7C00, 0xFE00}))));
  ASSERT_THAT(halves, IsOk());
  const auto row = halves->row(0);
  EXPECT_EQ(row[0], 0.0F);
  EXPECT_EQ(row[1], 0.0F);
  EXPECT_TRUE(std::signbit(row[1]));
  EXPECT_EQ(row[2], 1.0F);
  EXPECT_EQ(row[3], -2.0F);
  EXPECT_EQ(row[4], 0x1.0p-24F);
  EXPECT_EQ(row[5], 1023 * 0x1.0p-24F);
  EXPECT_EQ(row[6], 0x1.0p-14F);
  EXPECT_EQ(row[7], 65504.0F);
  EXPECT_EQ(row[8], std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(row[9]));
}

TEST_F(VectorFileTest, StopsAtMaxRows) {
  const auto vecs = ReadVectorFile(
      Write("a.fvecs", VecsRow<float>({1}) + VecsRow<float>({2}) + VecsRow<float>({3})), 2);
  ASSERT_THAT(vecs, IsOk());
  EXPECT_THAT(vecs->values, ElementsAre(1, 2));
  const auto bin = ReadVectorFile(
      Write("a.fbin", Components<std::uint32_t>({3, 1}) + Components<float>({1, 2, 3})), 2);
  ASSERT_THAT(bin, IsOk());
  EXPECT_EQ(bin->rows, 2U);
  EXPECT_THAT(bin->values, ElementsAre(1, 2));
}

TEST_F(VectorFileTest, NamesTheRowOfAnotherDimension) {
  EXPECT_THAT(
      ReadVectorFile(Write("odd.fvecs", VecsRow<float>({1, 2}) + VecsRow<float>({3}))),
      StatusIs(StatusCode::kInvalidArgument, AllOf(HasSubstr("odd.fvecs"), HasSubstr("row 1"))));
}

TEST_F(VectorFileTest, RefusesEveryTruncation) {
  const std::string vecs = VecsRow<float>({1, 2, 3});
  const std::string bin = Components<std::uint32_t>({2, 2}) + Components<float>({1, 2, 3, 4});
  const std::string npy = Npy(Dictionary("<f4", "(2, 2)"), Components<float>({1, 2, 3, 4}));
  for (const auto& [name, whole] : {std::pair{"t.fvecs", vecs}, {"t.fbin", bin}, {"t.npy", npy}}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_THAT(ReadVectorFile(Write(name, whole.substr(0, size))),
                  StatusIs(StatusCode::kInvalidArgument, HasSubstr(name)))
          << size;
    }
    EXPECT_THAT(ReadVectorFile(Write(name, whole)), IsOk());
    EXPECT_THAT(ReadVectorFile(Write(name, whole + "x")), StatusIs(StatusCode::kInvalidArgument));
  }
  const std::string ids = VecsRow<std::int32_t>({1, 2});
  for (std::size_t size = 1; size < ids.size(); ++size) {
    EXPECT_THAT(ReadIvecs(Write("t.ivecs", ids.substr(0, size))),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("row 0")));
  }
}

TEST_F(VectorFileTest, RefusesHugeSizesWithoutAllocatingThem) {
  constexpr std::uint32_t kHuge = 0xFFFFFFFFU;
  EXPECT_THAT(ReadVectorFile(Write("h.fvecs", Components<std::int32_t>({0x7FFFFFFF, 1}))),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("truncated")));
  EXPECT_THAT(ReadVectorFile(Write("n.fvecs", Components<std::int32_t>({-1, 1}))),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("negative")));
  EXPECT_THAT(ReadVectorFile(Write("h.fbin", Components<std::uint32_t>({kHuge, kHuge, 1}))),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("truncated")));
  for (const char* shape : {"(18446744073709551615, 18446744073709551615)",
                            "(1, 4611686018427387905)", "(4611686018427387904, 4)"}) {
    EXPECT_THAT(ReadVectorFile(Write("h.npy", Npy(Dictionary("<f4", shape), ""))),
                StatusIs(StatusCode::kInvalidArgument))
        << shape;
  }
}

TEST_F(VectorFileTest, RefusesNpyThatIsNotRead) {
  for (const auto& [dictionary, what] :
       {std::pair{Dictionary(">f4", "(1, 1)"), ">f4"},
        {Dictionary("<i8", "(1, 1)"), "<i8"},
        {Dictionary("<f4", "(1,)"), "two dimensions"},
        {Dictionary("<f4", "(1, 1, 1)"), "two dimensions"},
        {Dictionary("<f4", "(1, 99999999999999999999)"), "two dimensions"},
        {std::string("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}"), "Fortran"},
        {std::string("{'descr': '<f4', 'shape': (1, 1)}"), "fortran_order"},
        {std::string("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1, 1)}"),
         "descr"},
        {std::string("{"), "descr"}}) {
    EXPECT_THAT(ReadVectorFile(Write("r.npy", Npy(dictionary, Components<float>({1})))),
                StatusIs(StatusCode::kInvalidArgument, AllOf(HasSubstr("r.npy"), HasSubstr(what))));
  }
  EXPECT_THAT(ReadVectorFile(Write("v.npy", Npy(Dictionary("<f4", "(1, 1)"), "", 3))),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("version 3")));
}

TEST_F(VectorFileTest, HandlesEmptyAndMissingFiles) {
  EXPECT_THAT(ReadVectorFile(Write("e.fvecs", "")), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadVectorFile(Write("e.fbin", "")), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadVectorFile(Write("e.npy", "")), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadVectorFile(Write("e.txt", "")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr(".txt")));
  EXPECT_THAT(ReadVectorFile(dir_.path() / "none.fvecs"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(ReadVectorFile(dir_.path()), StatusIs(StatusCode::kInvalidArgument));

  const auto no_rows = ReadVectorFile(Write("z.fbin", Components<std::uint32_t>({0, 4})));
  ASSERT_THAT(no_rows, IsOk());
  EXPECT_EQ(no_rows->rows, 0U);
  EXPECT_EQ(no_rows->dimension, 4U);
  const auto no_ids = ReadIvecs(Write("z.ivecs", ""));
  ASSERT_THAT(no_ids, IsOk());
  EXPECT_THAT(*no_ids, IsEmpty());
}

TEST_F(VectorFileTest, NamesInCapitalsAndGitLfsPointers) {
  EXPECT_THAT(ReadVectorFile(Write("A.FVECS", VecsRow<float>({1, 2}))), IsOk());
  EXPECT_THAT(ReadVectorFile(Write("a.npy", "version https://git-lfs.github.com/spec/v1\n")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("git lfs pull")));
}

}  // namespace
}  // namespace nearhit
