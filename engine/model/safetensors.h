// Reads one safetensors file: a JSON header that names tensors, and their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "nearhit/result.h"

namespace nearhit {

// What model folders call the file of their weights.
inline constexpr std::string_view kWeightsFile = "model.safetensors";

enum class TensorType : std::uint8_t {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kF16,
  kBF16,
  kU32,
  kI32,
  kF32,
  kU64,
  kI64,
  kF64,
};

// "F32", as the file says it.
std::string_view TensorTypeName(TensorType type);

struct Tensor {
  TensorType type = TensorType::kF32;
  std::vector<std::size_t> shape{};    // empty for a single number
  std::span<const std::byte> bytes{};  // little-endian, row-major; not aligned to anything
};

// The tensors of one file, which stays mapped into memory as long as this lives. Somebody who
// writes to the file meanwhile changes the tensors; whoever shortens it ends the process (SIGBUS),
// as with every mapped file.
//
// Thread-safety: const methods thread-safe. Tensors point into this object.
class Safetensors {
 public:
  // Checks the whole header: afterwards each tensor has exactly the bytes that its type and shape
  // need, and the tensors cover the rest of the file without overlaps, holes or a tail.
  //
  // Errors, each naming the file, the key and what was expected: kNotFound; kUnavailable when it
  // cannot be read; kInvalidArgument for everything that is wrong with it.
  // Cost: reads the header; the tensors' pages are read when they are used.
  static Result<std::unique_ptr<Safetensors>> Open(const std::filesystem::path& path);

  // The same for a file that is in memory. `file` names it in errors.
  static Result<std::unique_ptr<Safetensors>> Parse(std::string bytes, std::string_view file);

  ~Safetensors() = default;
  Safetensors(const Safetensors&) = delete;
  Safetensors& operator=(const Safetensors&) = delete;

  // Null when absent. Valid as long as this object.
  const Tensor* Find(std::string_view name) const;

  // The numbers of the tensor `name`, row-major, as float32: F32, F16, BF16, F64 and I8 are
  // converted, F64 by rounding.
  //
  // Errors: kInvalidArgument, naming the file, the key and what was expected, when it is absent,
  // has another shape or type, or holds a number that is NaN, infinite or too large for a float.
  Result<std::vector<float>> ReadFloats(std::string_view name,
                                        std::span<const std::size_t> shape) const;

  // The numbers of the tensor `name`: I8, U8, I16, U16, I32, U32 and I64. Errors as above.
  Result<std::vector<std::int64_t>> ReadIntegers(std::string_view name,
                                                 std::span<const std::size_t> shape) const;

  // The tensors by name, ascending.
  const std::map<std::string, Tensor, std::less<>>& tensors() const { return tensors_; }
  std::size_t size() const { return tensors_.size(); }
  // The name in errors.
  const std::string& file() const { return file_; }

 private:
  explicit Safetensors(std::string_view file) : file_(file) {}

  Status ReadHeader(std::span<const std::byte> all);
  Status CheckCover(std::size_t data_bytes) const;
  Result<const Tensor*> Expect(std::string_view name, std::span<const std::size_t> shape) const;

  const std::string file_;
  std::string owned_;  // of Parse
  std::optional<MappedFile> mapped_{};
  std::span<const std::byte> data_{};  // what the header's offsets count from
  std::map<std::string, Tensor, std::less<>> tensors_;
};

}  // namespace nearhit
