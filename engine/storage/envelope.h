// What every stored record is wrapped in: a version byte in front, an XXH3-64 checksum over the
// record's key and its bytes behind, so that damage, a swapped block and a mixed-up key are all
// seen above the storage library. Byte tables: docs/formats.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nearhit/result.h"

namespace nearhit {

// Version written into a record unless its kind has newer ones. A record of a version that its kind
// does not have is refused by name.
inline constexpr std::uint8_t kRecordVersion = 1;

// The beginning of a record: its version.
std::string NewRecord(std::uint8_t version = kRecordVersion);

// Closes a record that will be stored under `storage_key`: the checksum covers the key as its seed.
std::string Seal(std::string_view storage_key, std::string bytes);

// The fields of a record: what is between version, value[0], and checksum. `kind` is for messages,
// `newest` the last of its versions, from 1 on. Views into `value`. Errors: kDataLoss when it is
// too short or fails its checksum; kFailedPrecondition for a version of another build, naming both.
Result<std::string_view> Unseal(std::string_view kind, std::string_view storage_key,
                                std::string_view value, std::uint8_t newest = kRecordVersion);

}  // namespace nearhit
