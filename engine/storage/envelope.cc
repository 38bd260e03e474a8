#include "engine/storage/envelope.h"

#include <cstring>

#include "base/coding.h"
#include "base/hash.h"

namespace nearhit {

std::string NewRecord(std::uint8_t version) {
  return std::string(1, static_cast<char>(version));
}

std::string Seal(std::string_view storage_key, std::string bytes) {
  PutFixed(&bytes, Hash64(bytes, Hash64(storage_key)));
  return bytes;
}

Result<std::string_view> Unseal(std::string_view kind, std::string_view storage_key,
                                std::string_view value, std::uint8_t newest) {
  if (value.size() < 1 + sizeof(std::uint64_t)) {
    return DataLoss(std::string(kind) + " record is " + std::to_string(value.size()) +
                    " bytes, too short");
  }
  const auto version = static_cast<std::uint8_t>(value.front());
  if (version < kRecordVersion || version > newest) {
    return FailedPrecondition(
        std::string(kind) + " record version " + std::to_string(version) +
        " is not readable by this build (reads " + std::to_string(kRecordVersion) +
        (newest > kRecordVersion ? " to " + std::to_string(newest) : "") + ")");
  }
  const std::string_view body = value.substr(0, value.size() - sizeof(std::uint64_t));
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, value.data() + body.size(), sizeof(checksum));
  if (checksum != Hash64(body, Hash64(storage_key))) {
    return DataLoss(std::string(kind) + " record fails its checksum");
  }
  return body.substr(1);
}

}  // namespace nearhit
