#include "engine/model/safetensors.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/safetensors_writer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Shape = std::vector<std::size_t>;

std::string SmallFile() {
  SafetensorsWriter writer;
  writer.AddF32("a", {2, 2}, {1, -2, 3.5F, 0});
  writer.Add<std::int32_t>("b", "I32", {3}, {7, -8, 9});
  return writer.File();
}

Result<std::unique_ptr<Safetensors>> Parse(const std::string& bytes) {
  return Safetensors::Parse(bytes, "model.safetensors");
}

TEST(SafetensorsTest, FindsTensors) {
  const auto file = Parse(SmallFile());
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ((*file)->size(), 2u);
  const Tensor* tensor = (*file)->Find("a");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->type, TensorType::kF32);
  EXPECT_THAT(tensor->shape, ElementsAre(2, 2));
  EXPECT_EQ(tensor->bytes.size(), 16u);
  EXPECT_EQ((*file)->Find("c"), nullptr);
}

TEST(SafetensorsTest, OpensAFile) {
  const TempDir dir;
  const auto path = dir.path() / "model.safetensors";
  std::ofstream(path, std::ios::binary) << SmallFile();
  const auto file = Safetensors::Open(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT((*file)->ReadFloats("a", Shape{2, 2}), IsOkAndHolds(ElementsAre(1, -2, 3.5F, 0)));
  EXPECT_THAT((*file)->ReadIntegers("b", Shape{3}), IsOkAndHolds(ElementsAre(7, -8, 9)));
}

TEST(SafetensorsTest, GitLfsPointerIsRefusedByName) {
  EXPECT_THAT(Parse("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90868376\n"),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("model.safetensors"), HasSubstr("git lfs pull"))));
}

TEST(SafetensorsTest, SaysWhatIsWrongWithAFile) {
  const TempDir dir;
  EXPECT_THAT(Safetensors::Open(dir.path() / "none.safetensors"),
              StatusIs(StatusCode::kNotFound, HasSubstr("none.safetensors")));
  const auto path = dir.path() / "empty.safetensors";
  std::ofstream(path, std::ios::binary).flush();
  EXPECT_THAT(Safetensors::Open(path),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("empty.safetensors: 0 bytes")));
  EXPECT_FALSE(Safetensors::Open(dir.path()).ok());
}

TEST(SafetensorsTest, TakesMetadataPaddingScalarsAndEmptyTensors) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
      R"("e":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]}}    )";
  const auto file = Parse(SafetensorsFile(header, std::string(4, '\0')));
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT((*file)->ReadFloats("s", Shape{}), IsOkAndHolds(ElementsAre(0)));
  EXPECT_THAT((*file)->ReadFloats("e", Shape{0, 3}), IsOkAndHolds(testing::IsEmpty()));
}

TEST(SafetensorsTest, ConvertsToFloats) {
  SafetensorsWriter writer;
  writer.Add<std::uint16_t>("f16", "F16", {7},
                            {0x3C00, 0xC000, 0x3555, 0x0001, 0x8400, 0x7BFF, 0x8000});
  writer.Add<std::uint16_t>("bf16", "BF16", {3}, {0x3F80, 0xC000, 0x3EAB});
  writer.Add<double>("f64", "F64", {2}, {0.1, -1e30});
  writer.Add<std::int8_t>("i8", "I8", {3}, {-128, 0, 127});
  const auto file = Parse(writer.File());
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(
      (*file)->ReadFloats("f16", Shape{7}),
      IsOkAndHolds(ElementsAre(1, -2, 0.333251953F, 5.96046448e-8F, -6.10351562e-5F, 65504, 0)));
  EXPECT_THAT((*file)->ReadFloats("bf16", Shape{3}),
              IsOkAndHolds(ElementsAre(1, -2, 0.333984375F)));
  EXPECT_THAT((*file)->ReadFloats("f64", Shape{2}), IsOkAndHolds(ElementsAre(0.1F, -1e30F)));
  EXPECT_THAT((*file)->ReadFloats("i8", Shape{3}), IsOkAndHolds(ElementsAre(-128, 0, 127)));
}

TEST(SafetensorsTest, RefusesWhatIsNotFinite) {
  SafetensorsWriter writer;
  writer.AddF32("nan", {3}, {1, 2, std::nanf("")});
  writer.AddF32("infinite", {2}, {-std::numeric_limits<float>::infinity(), 1});
  writer.Add<std::uint16_t>("half", "F16", {1}, {0x7C00});
  writer.Add<double>("large", "F64", {1}, {1e300});
  const auto file = Parse(writer.File());
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(
      (*file)->ReadFloats("nan", Shape{3}),
      StatusIs(StatusCode::kInvalidArgument,
               AllOf(HasSubstr("model.safetensors"), HasSubstr("\"nan\""), HasSubstr("number 2"))));
  EXPECT_THAT((*file)->ReadFloats("infinite", Shape{2}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("number 0")));
  EXPECT_THAT((*file)->ReadFloats("half", Shape{1}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT((*file)->ReadFloats("large", Shape{1}), StatusIs(StatusCode::kInvalidArgument));
}

TEST(SafetensorsTest, ChecksNameShapeAndType) {
  const auto file = Parse(SmallFile());
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT((*file)->ReadFloats("c", Shape{2, 2}),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("model.safetensors: key \"c\" is missing, expected a tensor of "
                                 "shape [2, 2]")));
  EXPECT_THAT((*file)->ReadFloats("a", Shape{4}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("has shape [2, 2], expected [4]")));
  EXPECT_THAT((*file)->ReadFloats("b", Shape{3}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("of type I32, expected F32")));
  EXPECT_THAT((*file)->ReadIntegers("a", Shape{2, 2}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("of type F32, expected I8")));
}

struct BadHeader {
  std::string name;
  std::string header;
  std::string message;
};

class SafetensorsBadTest : public testing::TestWithParam<BadHeader> {};

TEST_P(SafetensorsBadTest, IsRefusedWithTheReason) {
  EXPECT_THAT(Parse(SafetensorsFile(GetParam().header, std::string(8, '\0'))),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("model.safetensors"), HasSubstr(GetParam().message))));
}

std::string One(const std::string& entry) {
  return "{\"w\":" + entry + "}";
}

INSTANTIATE_TEST_SUITE_P(
    Headers, SafetensorsBadTest,
    testing::Values(
        BadHeader{"NotJson", "{\"w\" 1}", "not JSON at byte"},
        BadHeader{"NotUtf8", "{\"\xff\":1}", "not JSON at byte"},
        BadHeader{"NoObject", "[1, 2]", "expected an object"},
        BadHeader{"Twice", R"({"w":{},"w":{}})", "key \"w\" is there twice"},
        BadHeader{"Deep", "{\"w\":" + std::string(100, '[') + std::string(100, ']') + "}",
                  "nested deeper"},
        BadHeader{"EntryNoObject", One("7"), "key \"w\" is 7, expected an object"},
        BadHeader{"NoType", One(R"({"shape":[2],"data_offsets":[0,8]})"), "\"w.dtype\" is missing"},
        BadHeader{"UnknownType", One(R"({"dtype":"F8","shape":[2],"data_offsets":[0,8]})"),
                  "\"w.dtype\" is \"F8\""},
        BadHeader{"NegativeSize", One(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
                  "\"w.shape\""},
        BadHeader{"FractionalSize", One(R"({"dtype":"F32","shape":[2.5],"data_offsets":[0,8]})"),
                  "\"w.shape\""},
        BadHeader{"ManySizes",
                  One(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]})"),
                  "\"w.shape\""},
        BadHeader{"OneOffset", One(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"),
                  "\"w.data_offsets\""},
        BadHeader{"Backwards", One(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
                  "\"w.data_offsets\""},
        BadHeader{"PastTheEnd", One(R"({"dtype":"F32","shape":[2],"data_offsets":[4,12]})"),
                  "within the 8 bytes"},
        BadHeader{"ShapeTooSmall", One(R"({"dtype":"F32","shape":[1],"data_offsets":[0,8]})"),
                  "spans 8 bytes, expected 4 for shape [1] of F32"},
        BadHeader{"ShapeOverflows",
                  One(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"),
                  "\"w.data_offsets\" spans 8 bytes"},
        BadHeader{"TrailingBytes", One(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"),
                  "4 bytes more"},
        BadHeader{"NoTensors", "{}", "8 bytes more"},
        BadHeader{"Hole", One(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"),
                  "begins at byte 4, expected 0"},
        BadHeader{"Overlap",
                  R"({"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                  R"("w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                  "key \"w\" begins at byte 4, expected 8"}),
    [](const auto& instance) { return instance.param.name; });

TEST(SafetensorsTest, HeaderLengthIsChecked) {
  std::string file = SmallFile();
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{file.size() - 7}, std::uint64_t{1} << 40,
        std::numeric_limits<std::uint64_t>::max()}) {
    std::memcpy(file.data(), &length, sizeof(length));
    EXPECT_THAT(Parse(file), StatusIs(StatusCode::kInvalidArgument, HasSubstr("header length is")))
        << length;
  }
}

TEST(SafetensorsTest, EveryTruncationIsRefused) {
  const std::string file = SmallFile();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_THAT(Parse(file.substr(0, size)),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("model.safetensors")))
        << size;
  }
  EXPECT_THAT(Parse(file + '\0'), StatusIs(StatusCode::kInvalidArgument, HasSubstr("bytes more")));
}

// A changed bit is refused, or leaves a file whose tensors still lie within it.
TEST(SafetensorsTest, EveryBitFlipIsRefusedOrHarmless) {
  const std::string good = SmallFile();
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string file = good;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << (bit % 8)));
    const auto parsed = Parse(file);
    if (!parsed.ok()) {
      EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
      continue;
    }
    for (const auto& [name, tensor] : (*parsed)->tensors()) {
      (*parsed)
          ->ReadFloats(name, tensor.shape)
          .IgnoreError();  // a type that is no number is refused
      (*parsed)->ReadIntegers(name, tensor.shape).IgnoreError();  // the same
    }
  }
}

}  // namespace
}  // namespace nearhit
