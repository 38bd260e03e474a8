#include "engine/model/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "engine/model/strict_json.h"
#include "engine/model/tensor_numbers.h"

namespace nearhit {
namespace {

constexpr std::size_t kLengthBytes = 8;                         // before the header
constexpr std::size_t kMaxHeaderBytes = std::size_t{16} << 20;  // 103 tensors take 11 KB
constexpr std::size_t kMaxDimensions = 8;

struct TypeName {
  std::string_view name;
  TensorType type;
};
constexpr std::array<TypeName, 13> kTypeNames = {{{"BOOL", TensorType::kBool},
                                                  {"U8", TensorType::kU8},
                                                  {"I8", TensorType::kI8},
                                                  {"U16", TensorType::kU16},
                                                  {"I16", TensorType::kI16},
                                                  {"F16", TensorType::kF16},
                                                  {"BF16", TensorType::kBF16},
                                                  {"U32", TensorType::kU32},
                                                  {"I32", TensorType::kI32},
                                                  {"F32", TensorType::kF32},
                                                  {"U64", TensorType::kU64},
                                                  {"I64", TensorType::kI64},
                                                  {"F64", TensorType::kF64}}};

std::string ShapeText(std::span<const std::size_t> shape) {
  std::string text = "[";
  for (const std::size_t size : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  }
  return text + "]";
}

// a * b; empty when it overflows.
std::optional<std::size_t> Multiply(std::size_t a, std::size_t b) {
  std::size_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional(product);
}

// A list of non-negative integers.
Result<std::vector<std::size_t>> Integers(const JsonObject& entry, std::string_view key,
                                          std::size_t max_count, std::string_view expected) {
  NEARHIT_ASSIGN_OR_RETURN(const Json* list, entry.Array(key));
  std::vector<std::size_t> numbers;
  for (const Json& item : *list) {
    if (!item.is_number_unsigned() || numbers.size() == max_count) {
      return entry.Wrong(key, expected);
    }
    numbers.push_back(item.get<std::size_t>());
  }
  return numbers;
}

// One entry of the header; its bytes are a part of `data`.
Result<Tensor> ReadEntry(const JsonObject& entry, std::span<const std::byte> data) {
  Tensor tensor;
  NEARHIT_ASSIGN_OR_RETURN(const std::string dtype, entry.String("dtype"));
  const auto* const known = std::find_if(kTypeNames.begin(), kTypeNames.end(),
                                         [&](const TypeName& one) { return one.name == dtype; });
  if (known == kTypeNames.end()) {
    return entry.Wrong("dtype",
                       "one of BOOL, U8, I8, U16, I16, F16, BF16, U32, I32, F32, U64, I64, F64");
  }
  tensor.type = known->type;
  NEARHIT_ASSIGN_OR_RETURN(tensor.shape,
                           Integers(entry, "shape", kMaxDimensions, "at most 8 sizes"));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<std::size_t> offsets,
                           Integers(entry, "data_offsets", 2, "a begin and an end"));
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size()) {
    return entry.Wrong("data_offsets", "a begin and an end within the " +
                                           std::to_string(data.size()) + " bytes of tensors");
  }
  std::optional<std::size_t> bytes = TensorTypeBytes(tensor.type);
  for (const std::size_t size : tensor.shape) {
    bytes = bytes ? Multiply(*bytes, size) : bytes;
  }
  if (!bytes || *bytes != offsets[1] - offsets[0]) {
    return InvalidArgument(entry.file() + ": key \"" + entry.Path("data_offsets") + "\" spans " +
                           std::to_string(offsets[1] - offsets[0]) + " bytes, expected " +
                           (bytes ? std::to_string(*bytes) : "fewer than overflow") +
                           " for shape " + ShapeText(tensor.shape) + " of " + dtype);
  }
  tensor.bytes = data.subspan(offsets[0], *bytes);
  return tensor;
}

}  // namespace

std::string_view TensorTypeName(TensorType type) {
  return std::find_if(kTypeNames.begin(), kTypeNames.end(),
                      [type](const TypeName& one) { return one.type == type; })
      ->name;
}

Result<std::unique_ptr<Safetensors>> Safetensors::Open(const std::filesystem::path& path) {
  NEARHIT_ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::Open(path));
  std::unique_ptr<Safetensors> file(new Safetensors(path.filename().string()));
  file->mapped_ = std::move(mapped);
  NEARHIT_RETURN_IF_ERROR(file->ReadHeader(std::as_bytes(std::span(file->mapped_->bytes()))));
  return file;
}

Result<std::unique_ptr<Safetensors>> Safetensors::Parse(std::string bytes, std::string_view file) {
  std::unique_ptr<Safetensors> parsed(new Safetensors(file));
  parsed->owned_ = std::move(bytes);
  NEARHIT_RETURN_IF_ERROR(parsed->ReadHeader(std::as_bytes(std::span<const char>(parsed->owned_))));
  return parsed;
}

Status Safetensors::ReadHeader(std::span<const std::byte> all) {
  std::uint64_t length = 0;
  if (IsGitLfsPointer({reinterpret_cast<const char*>(all.data()), all.size()})) {
    return InvalidArgument(file_ + ": " + std::string(kGitLfsAdvice));
  }
  if (all.size() < kLengthBytes) {
    return InvalidArgument(file_ + ": " + std::to_string(all.size()) +
                           " bytes, expected a header length of 8 bytes first");
  }
  std::memcpy(&length, all.data(), kLengthBytes);
  const std::size_t most = std::min(kMaxHeaderBytes, all.size() - kLengthBytes);
  if (length < 2 || length > most) {
    return InvalidArgument(file_ + ": header length is " + std::to_string(length) +
                           " bytes, expected 2.." + std::to_string(most) + " in a file of " +
                           std::to_string(all.size()));
  }
  data_ = all.subspan(kLengthBytes + length);
  const std::string_view header(reinterpret_cast<const char*>(all.data()) + kLengthBytes, length);
  NEARHIT_ASSIGN_OR_RETURN(const Json json, ParseStrictJson(header, file_));
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject root, JsonObject::Of(json, file_, ""));
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      continue;
    }
    NEARHIT_ASSIGN_OR_RETURN(const JsonObject entry, root.Object(name));
    NEARHIT_ASSIGN_OR_RETURN(Tensor tensor, ReadEntry(entry, data_));
    tensors_.emplace(name, std::move(tensor));
  }
  return CheckCover(data_.size());
}

// Tensors in the order of their bytes: each begins where the one before ended.
Status Safetensors::CheckCover(std::size_t data_bytes) const {
  std::vector<std::pair<std::size_t, const std::pair<const std::string, Tensor>*>> order;
  for (const auto& entry : tensors_) {
    order.emplace_back(static_cast<std::size_t>(entry.second.bytes.data() - data_.data()), &entry);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first, a.second->second.bytes.size()) <
           std::pair(b.first, b.second->second.bytes.size());
  });
  std::size_t end = 0;
  for (const auto& [begin, entry] : order) {
    if (begin != end) {
      return InvalidArgument(file_ + ": key \"" + entry->first + "\" begins at byte " +
                             std::to_string(begin) + ", expected " + std::to_string(end) +
                             ", where the tensor before it ends");
    }
    end += entry->second.bytes.size();
  }
  if (end != data_bytes) {
    return InvalidArgument(file_ + ": tensors end at byte " + std::to_string(end) +
                           ", expected the file to end there, but it has " +
                           std::to_string(data_bytes - end) + " bytes more");
  }
  return Status();
}

const Tensor* Safetensors::Find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Result<const Tensor*> Safetensors::Expect(std::string_view name,
                                          std::span<const std::size_t> shape) const {
  const Tensor* tensor = Find(name);
  if (tensor == nullptr) {
    return InvalidArgument(file_ + ": key \"" + std::string(name) +
                           "\" is missing, expected a tensor of shape " + ShapeText(shape));
  }
  if (!std::equal(shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end())) {
    return InvalidArgument(file_ + ": key \"" + std::string(name) + "\" has shape " +
                           ShapeText(tensor->shape) + ", expected " + ShapeText(shape));
  }
  return tensor;
}

Result<std::vector<float>> Safetensors::ReadFloats(std::string_view name,
                                                   std::span<const std::size_t> shape) const {
  NEARHIT_ASSIGN_OR_RETURN(const Tensor* tensor, Expect(name, shape));
  std::vector<float> numbers(tensor->bytes.size() / TensorTypeBytes(tensor->type));
  if (!ConvertToFloats(*tensor, numbers)) {
    return InvalidArgument(file_ + ": key \"" + std::string(name) + "\" is of type " +
                           std::string(TensorTypeName(tensor->type)) +
                           ", expected F32, F16, BF16, F64 or I8");
  }
  if (const std::size_t bad = FirstNotFinite(numbers); bad < numbers.size()) {
    return InvalidArgument(file_ + ": key \"" + std::string(name) + "\" holds number " +
                           std::to_string(bad) + " that is NaN, infinite or too large, expected " +
                           "finite floats");
  }
  return numbers;
}

Result<std::vector<std::int64_t>> Safetensors::ReadIntegers(
    std::string_view name, std::span<const std::size_t> shape) const {
  NEARHIT_ASSIGN_OR_RETURN(const Tensor* tensor, Expect(name, shape));
  std::vector<std::int64_t> numbers(tensor->bytes.size() / TensorTypeBytes(tensor->type));
  if (!ConvertToIntegers(*tensor, numbers)) {
    return InvalidArgument(file_ + ": key \"" + std::string(name) + "\" is of type " +
                           std::string(TensorTypeName(tensor->type)) +
                           ", expected I8, U8, I16, U16, I32, U32 or I64");
  }
  return numbers;
}

}  // namespace nearhit
