#include "formats/vector_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "formats/npy_header.h"

namespace nearhit {
namespace {

static_assert(std::endian::native == std::endian::little,
              "components are read as they lie in the file");

enum class Component : std::uint8_t { kFloat16, kFloat32, kFloat64, kInt8, kUint8 };

constexpr std::size_t ComponentBytes(Component component) {
  switch (component) {
    case Component::kFloat16:
      return 2;
    case Component::kFloat32:
      return 4;
    case Component::kFloat64:
      return 8;
    case Component::kInt8:
    case Component::kUint8:
      break;
  }
  return 1;
}

float HalfToFloat(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t exponent = (half >> 10U) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24, exact in float32
    const float magnitude = static_cast<float>(mantissa) * 0x1.0p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  const std::uint32_t wide_exponent = exponent == 0x1FU ? 0xFFU : exponent + 112;
  return std::bit_cast<float>(sign | (wide_exponent << 23U) | (mantissa << 13U));
}

template <typename T>
T Load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

void Convert(Component component, const char* bytes, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    switch (component) {
      case Component::kFloat16:
        out[i] = HalfToFloat(Load<std::uint16_t>(bytes + 2 * i));
        break;
      case Component::kFloat32:
        out[i] = Load<float>(bytes + 4 * i);
        break;
      case Component::kFloat64:
        out[i] = static_cast<float>(Load<double>(bytes + 8 * i));
        break;
      case Component::kInt8:
        out[i] = static_cast<float>(Load<std::int8_t>(bytes + i));
        break;
      case Component::kUint8:
        out[i] = static_cast<float>(Load<std::uint8_t>(bytes + i));
        break;
    }
  }
}

// A file of known size. Every error names the file.
class InputFile {
 public:
  static Result<InputFile> Open(const std::filesystem::path& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) {
      return NotFound(path.string() + ": no such file");
    }
    if (!std::filesystem::is_regular_file(status)) {
      return InvalidArgument(path.string() + ": not a regular file");
    }
    InputFile file;
    file.size_ = std::filesystem::file_size(path, error);
    file.path_ = path.string();
    file.stream_.open(path, std::ios::binary);
    if (error || !file.stream_) {
      return Unavailable(path.string() + ": cannot be opened");
    }
    std::array<char, 64> first{};
    file.stream_.read(first.data(), first.size());
    if (IsGitLfsPointer({first.data(), static_cast<std::size_t>(file.stream_.gcount())})) {
      return file.Error(std::string(kGitLfsAdvice));
    }
    file.stream_.clear();
    file.stream_.seekg(0);
    return file;
  }

  std::uint64_t remaining() const { return size_ - offset_; }
  std::uint64_t size() const { return size_; }

  Status Error(const std::string& what) const { return InvalidArgument(path_ + ": " + what); }
  Status RowError(std::size_t row, const std::string& what) const {
    return Error("row " + std::to_string(row) + ": " + what);
  }

  // Requires: count <= remaining().
  Status Read(char* out, std::size_t count) {
    stream_.read(out, static_cast<std::streamsize>(count));
    if (static_cast<std::size_t>(stream_.gcount()) != count) {
      return Unavailable(path_ + ": read failed at byte " + std::to_string(offset_));
    }
    offset_ += count;
    return {};
  }

  // Reads `count` components. Requires: their bytes are there.
  Status ReadComponents(Component component, std::size_t count, float* out) {
    const std::size_t width = ComponentBytes(component);
    while (count > 0) {
      const std::size_t some = std::min(count, buffer_.size() / width);
      NEARHIT_RETURN_IF_ERROR(Read(buffer_.data(), some * width));
      Convert(component, buffer_.data(), some, out);
      out += some;
      count -= some;
    }
    return {};
  }

 private:
  InputFile() = default;

  std::string path_;
  std::ifstream stream_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{64} << 10);
};

// Reads the int32 component count in front of a texmex row and checks that the row is there.
Result<std::size_t> ReadRowDimension(InputFile* file, std::size_t row,
                                     std::size_t component_bytes) {
  std::array<char, 4> bytes{};
  if (file->remaining() < bytes.size()) {
    return file->RowError(row, "truncated");
  }
  NEARHIT_RETURN_IF_ERROR(file->Read(bytes.data(), bytes.size()));
  const auto dimension = Load<std::int32_t>(bytes.data());
  if (dimension < 0) {
    return file->RowError(row, "dimension " + std::to_string(dimension) + " is negative");
  }
  const auto count = static_cast<std::size_t>(dimension);
  if (file->remaining() / component_bytes < count) {
    return file->RowError(row, "truncated (" + std::to_string(count) + " components declared, " +
                                   std::to_string(file->remaining()) + " bytes left)");
  }
  return count;
}

// fvecs, bvecs: each row is an int32 count and as many components.
Result<VectorMatrix> ReadVecs(InputFile file, Component component, std::size_t max_rows) {
  if (file.size() == 0) {
    return file.Error("the file is empty");
  }
  const std::size_t width = ComponentBytes(component);
  VectorMatrix matrix;
  for (std::size_t row = 0; file.remaining() > 0 && (max_rows == 0 || row < max_rows); ++row) {
    NEARHIT_ASSIGN_OR_RETURN(const std::size_t dimension, ReadRowDimension(&file, row, width));
    if (row == 0) {
      if (dimension == 0) {
        return file.RowError(row, "has no components");
      }
      matrix.dimension = dimension;
      const std::uint64_t rows_at_most = file.size() / (4 + dimension * width);
      matrix.values.reserve((max_rows == 0 ? rows_at_most : std::min(rows_at_most, max_rows)) *
                            dimension);
    } else if (dimension != matrix.dimension) {
      return file.RowError(row, "has " + std::to_string(dimension) +
                                    " components, the rows before " +
                                    std::to_string(matrix.dimension));
    }
    matrix.values.resize(matrix.values.size() + dimension);
    NEARHIT_RETURN_IF_ERROR(
        file.ReadComponents(component, dimension, matrix.values.data() + row * dimension));
    ++matrix.rows;
  }
  return matrix;
}

// What is left of the file must be exactly rows * dimension components.
Result<VectorMatrix> ReadDense(InputFile file, Component component, std::uint64_t rows,
                               std::uint64_t dimension, std::size_t max_rows) {
  if (dimension == 0) {
    return file.Error("rows have no components");
  }
  const std::size_t width = ComponentBytes(component);
  if (dimension > std::numeric_limits<std::uint64_t>::max() / width) {
    return file.Error("dimension " + std::to_string(dimension) + " is too large");
  }
  const std::uint64_t row_bytes = dimension * width;
  if (file.remaining() / row_bytes < rows) {
    return file.RowError(file.remaining() / row_bytes,
                         "truncated (" + std::to_string(rows) + " rows of " +
                             std::to_string(dimension) + " components declared, " +
                             std::to_string(file.remaining()) + " bytes there)");
  }
  if (file.remaining() != rows * row_bytes) {
    return file.Error(std::to_string(file.remaining() - rows * row_bytes) +
                      " bytes after the last row");
  }
  VectorMatrix matrix;
  matrix.rows = max_rows == 0 ? rows : std::min<std::uint64_t>(rows, max_rows);
  matrix.dimension = dimension;
  matrix.values.resize(matrix.rows * matrix.dimension);
  NEARHIT_RETURN_IF_ERROR(
      file.ReadComponents(component, matrix.values.size(), matrix.values.data()));
  return matrix;
}

// fbin, i8bin, u8bin: uint32 rows, uint32 components per row, then everything.
Result<VectorMatrix> ReadBin(InputFile file, Component component, std::size_t max_rows) {
  std::array<char, 8> header{};
  if (file.size() < header.size()) {
    return file.Error("too short for a header");
  }
  NEARHIT_RETURN_IF_ERROR(file.Read(header.data(), header.size()));
  const auto rows = Load<std::uint32_t>(header.data());
  const auto dimension = Load<std::uint32_t>(header.data() + 4);
  return ReadDense(std::move(file), component, rows, dimension, max_rows);
}

Result<VectorMatrix> ReadNpy(InputFile file, std::size_t max_rows) {
  std::array<char, 12> fixed{};
  if (file.size() < kNpyPreambleBytes + 2) {
    return file.Error("too short for an npy header");
  }
  NEARHIT_RETURN_IF_ERROR(file.Read(fixed.data(), kNpyPreambleBytes));
  if (std::string_view(fixed.data(), 6) != "\x93NUMPY") {
    return file.Error("not an npy file");
  }
  const int major = static_cast<unsigned char>(fixed[6]);
  if (major != 1 && major != 2) {
    return file.Error("npy version " + std::to_string(major) + " is not read, only 1 and 2");
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  if (file.remaining() < length_bytes) {
    return file.Error("truncated npy header");
  }
  NEARHIT_RETURN_IF_ERROR(file.Read(fixed.data(), length_bytes));
  const std::size_t length =
      major == 1 ? Load<std::uint16_t>(fixed.data()) : Load<std::uint32_t>(fixed.data());
  constexpr std::size_t kMaxHeaderBytes = std::size_t{1} << 20;
  if (length > kMaxHeaderBytes || length > file.remaining()) {
    return file.Error("truncated npy header (" + std::to_string(length) + " bytes declared)");
  }
  std::string dictionary(length, '\0');
  NEARHIT_RETURN_IF_ERROR(file.Read(dictionary.data(), length));
  const Result<NpyHeader> header = ParseNpyHeader(dictionary);
  if (!header.ok()) {
    return file.Error(std::string(header.status().message()));
  }
  Component component = Component::kFloat32;
  if (header->component_bytes != 4) {
    component = header->component_bytes == 2 ? Component::kFloat16 : Component::kFloat64;
  }
  return ReadDense(std::move(file), component, header->rows, header->dimension, max_rows);
}

}  // namespace

Result<VectorMatrix> ReadVectorFile(const std::filesystem::path& path, std::size_t max_rows) {
  NEARHIT_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".fvecs") {
    return ReadVecs(std::move(file), Component::kFloat32, max_rows);
  }
  if (extension == ".bvecs") {
    return ReadVecs(std::move(file), Component::kUint8, max_rows);
  }
  if (extension == ".fbin") {
    return ReadBin(std::move(file), Component::kFloat32, max_rows);
  }
  if (extension == ".i8bin") {
    return ReadBin(std::move(file), Component::kInt8, max_rows);
  }
  if (extension == ".u8bin") {
    return ReadBin(std::move(file), Component::kUint8, max_rows);
  }
  if (extension == ".npy") {
    return ReadNpy(std::move(file), max_rows);
  }
  return file.Error("unknown extension '" + extension +
                    "', not one of .fvecs .bvecs .fbin .i8bin .u8bin .npy");
}

Result<std::vector<std::vector<std::int32_t>>> ReadIvecs(const std::filesystem::path& path) {
  NEARHIT_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  std::vector<std::vector<std::int32_t>> rows;
  while (file.remaining() > 0) {
    NEARHIT_ASSIGN_OR_RETURN(const std::size_t count,
                             ReadRowDimension(&file, rows.size(), sizeof(std::int32_t)));
    std::vector<char> bytes(count * sizeof(std::int32_t));
    NEARHIT_RETURN_IF_ERROR(file.Read(bytes.data(), bytes.size()));
    std::vector<std::int32_t>& row = rows.emplace_back(count);
    if (count > 0) {
      std::memcpy(row.data(), bytes.data(), bytes.size());
    }
  }
  return rows;
}

}  // namespace nearhit
