// What a power cut leaves of the last log: its size, but not all of its bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/storage/high_water_mark.h"
#include "nearhit/options.h"
#include "nearhit/result.h"

namespace nearhit {

struct LogScan {
  std::uint64_t good = 0;              // bytes up to the end of the last whole record before `bad`
  std::optional<std::uint64_t> bad{};  // offset of the first piece of a record that does not check
  bool more = false;                   // a record begins after that
};

// Reads a log of RocksDB: records in pieces with checksums, in blocks of 32 KiB.
LogScan ScanLog(std::string_view bytes);

// For a database that does not open because of damage. When all that is damaged is the end of the
// last log, after what `mark` knows to have been on the device, cuts it there; what is cut is kept
// in a file beside it. Errors: kDataLoss with the file and the offset of any other damage in a log;
// `found` when the logs are not damaged; kUnavailable for I/O errors.
Status CutTornLog(const std::filesystem::path& directory, const HighWaterMark& mark,
                  const Status& found,
                  const std::function<void(LogLevel, const std::string&)>& log);

// The numbered files of a directory with this ending, in ascending order.
std::vector<std::uint64_t> LogNumbers(const std::filesystem::path& directory);
std::filesystem::path LogPath(const std::filesystem::path& directory, std::uint64_t number);
// Of a path whose last part is "000123.log".
std::optional<std::uint64_t> LogNumber(std::string_view path);

}  // namespace nearhit
