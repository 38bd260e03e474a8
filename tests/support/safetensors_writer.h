// Writes small safetensors files for tests, good ones and ones that are wrong on purpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"

namespace nearhit {

// A file with any header. `header` is JSON; `data` the bytes of the tensors.
inline std::string SafetensorsFile(std::string_view header, std::string_view data) {
  std::string file;
  PutFixed(&file, static_cast<std::uint64_t>(header.size()));
  file.append(header).append(data);
  return file;
}

// Collects tensors one after the other, in the order of their bytes.
//
// Thread-safety: externally synchronized.
class SafetensorsWriter {
 public:
  void Add(std::string_view name, std::string_view dtype, std::span<const std::size_t> shape,
           std::string_view bytes) {
    std::string sizes;
    for (const std::size_t size : shape) {
      sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    }
    header_ += (header_.empty() ? "" : ",");
    header_ += "\"" + std::string(name) + "\":{\"dtype\":\"" + std::string(dtype) +
               "\",\"shape\":[" + sizes + "],\"data_offsets\":[" + std::to_string(data_.size()) +
               "," + std::to_string(data_.size() + bytes.size()) + "]}";
    data_.append(bytes);
  }
  template <typename T>
  void Add(std::string_view name, std::string_view dtype, std::vector<std::size_t> shape,
           const std::vector<T>& numbers) {
    std::string bytes;
    for (const T number : numbers) {
      PutFixed(&bytes, number);
    }
    Add(name, dtype, std::span<const std::size_t>(shape), bytes);
  }
  void AddF32(std::string_view name, std::vector<std::size_t> shape,
              const std::vector<float>& numbers) {
    Add(name, "F32", std::move(shape), numbers);
  }

  std::string File() const { return SafetensorsFile("{" + header_ + "}", data_); }

 private:
  std::string header_;
  std::string data_;
};

}  // namespace nearhit
