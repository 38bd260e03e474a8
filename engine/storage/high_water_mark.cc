#include "engine/storage/high_water_mark.h"

#include "base/coding.h"
#include "base/file.h"
#include "base/hash.h"

namespace nearhit {

namespace {
constexpr std::uint64_t kMagic = 0x314b52414d57484eULL;  // "NHWMARK1"
constexpr std::uint32_t kVersion = 1;
}  // namespace

std::string EncodeHighWaterMark(std::uint64_t sequence) {
  std::string bytes;
  bytes.reserve(32);
  PutFixed(&bytes, kMagic);
  PutFixed(&bytes, kVersion);
  PutFixed(&bytes, sequence);
  const std::uint64_t checksum = Hash64(bytes);
  PutFixed(&bytes, checksum);
  return bytes;
}

Result<std::uint64_t> DecodeHighWaterMark(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto magic = reader.Fixed<std::uint64_t>();
  const auto version = reader.Fixed<std::uint32_t>();
  const auto sequence = reader.Fixed<std::uint64_t>();
  const auto checksum = reader.Fixed<std::uint64_t>();
  if (!reader.AtEnd() || magic != kMagic ||
      checksum != Hash64(bytes.substr(0, bytes.size() - sizeof(checksum)))) {
    return DataLoss("high-water mark is damaged");
  }
  if (version != kVersion) {
    return FailedPrecondition("high-water mark version " + std::to_string(version) +
                              " is not readable by this build (reads " + std::to_string(kVersion) +
                              ")");
  }
  return sequence;
}

Status WriteHighWaterMark(const std::filesystem::path& path, std::uint64_t sequence) {
  return WriteFileAtomically(path, EncodeHighWaterMark(sequence));
}

Result<std::uint64_t> ReadHighWaterMark(const std::filesystem::path& path) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path, 4'096));
  return DecodeHighWaterMark(bytes);
}

}  // namespace nearhit
