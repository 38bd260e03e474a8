#include "engine/storage/log_repair.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/coding.h"
#include "base/descriptor.h"
#include "base/file.h"

namespace nearhit {

namespace {

constexpr std::uint64_t kBlock = 32'768;
constexpr std::uint64_t kHeader = 7;  // checksum u32, length u16, type u8
constexpr std::string_view kSuffix = ".log";

enum PieceType : std::uint8_t { kPadding = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

constexpr std::array<std::uint32_t, 256> MakeCrcTable() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78;  // CRC-32C, reflected
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    }
    table[i] = crc;
  }
  return table;
}

// As RocksDB stores it: a checksum of checksums would be weak.
std::uint32_t MaskedCrc32c(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = MakeCrcTable();
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc = (crc >> 8U) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xffU];
  }
  crc = ~crc;
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

// One piece of a record.
struct Piece {
  PieceType type;
  std::uint64_t end;
};

// The piece at `at`; none if what is there is not one.
std::optional<Piece> ReadPiece(std::string_view bytes, std::uint64_t at) {
  const std::uint64_t block_end = std::min<std::uint64_t>((at / kBlock + 1) * kBlock, bytes.size());
  ByteReader header(bytes.substr(at, block_end - at));
  const auto crc = header.Fixed<std::uint32_t>();
  const auto length = header.Fixed<std::uint16_t>();
  const auto type = header.Fixed<std::uint8_t>();
  if (!header.ok() || length > header.remaining() || type > kLast) {
    return std::nullopt;
  }
  const std::uint64_t end = at + kHeader + length;
  if (type == kPadding ? crc != 0 || length != 0
                       : crc != MaskedCrc32c(bytes.substr(at + kHeader - 1, length + 1U))) {
    return std::nullopt;
  }
  return Piece{.type = static_cast<PieceType>(type), .end = end};
}

std::uint64_t NextBlock(std::uint64_t at) {
  return (at / kBlock + 1) * kBlock;
}

// Whether a record begins at the beginning of a block after `at`, or further on in that block.
bool RecordBeginsAfter(std::string_view bytes, std::uint64_t at) {
  for (std::uint64_t block = NextBlock(at); block < bytes.size(); block += kBlock) {
    for (std::uint64_t next = block; next < block + kBlock && next < bytes.size();) {
      const std::optional<Piece> piece = ReadPiece(bytes, next);
      if (!piece || piece->type == kPadding) {
        break;
      }
      if (piece->type == kFull || piece->type == kFirst) {
        return true;
      }
      next = piece->end;
    }
  }
  return false;
}

// Whether the file ends here, as it does when the process dies: RocksDB takes that for its end.
bool IsShort(std::string_view bytes, std::uint64_t at) {
  ByteReader header(bytes.substr(at));
  header.Fixed<std::uint32_t>();
  const auto length = header.Fixed<std::uint16_t>();
  header.Fixed<std::uint8_t>();
  return NextBlock(at) > bytes.size() && (!header.ok() || length > header.remaining());
}

Status Cut(const std::filesystem::path& path, std::string_view bytes, std::uint64_t size) {
  NEARHIT_RETURN_IF_ERROR(
      WriteFileAtomically(path.string() + ".torn-at-" + std::to_string(size), bytes.substr(size)));
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.get() < 0 || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
      ::fsync(fd.get()) != 0) {
    return Unavailable("cannot cut " + path.string() + ": " +
                       std::generic_category().message(errno));
  }
  return Status();
}

std::uint64_t DurableBytes(const HighWaterMark& mark, std::uint64_t number) {
  const auto log = std::ranges::find(mark.logs, number, &FileExtent::number);
  return log == mark.logs.end() ? 0 : log->bytes;
}

}  // namespace

LogScan ScanLog(std::string_view bytes) {
  LogScan scan;
  bool inside = false;  // a record of several pieces
  for (std::uint64_t at = 0; at < bytes.size();) {
    if (at % kBlock + kHeader > kBlock) {
      at = NextBlock(at);  // too short for a piece
      continue;
    }
    const std::optional<Piece> piece = ReadPiece(bytes, at);
    if (!piece && IsShort(bytes, at)) {
      return scan;
    }
    const bool begins = piece && (piece->type == kFull || piece->type == kFirst);
    if (!piece || (piece->type == kPadding ? inside : begins == inside)) {
      scan.bad = at;
      scan.more = RecordBeginsAfter(bytes, at);
      return scan;
    }
    if (piece->type == kPadding) {
      at = NextBlock(at);
      continue;
    }
    inside = piece->type == kFirst || piece->type == kMiddle;
    at = piece->end;
    if (!inside) {
      scan.good = at;
    }
  }
  return scan;
}

Status CutTornLog(const std::filesystem::path& directory, const HighWaterMark& mark,
                  const Status& found,
                  const std::function<void(LogLevel, const std::string&)>& log) {
  const std::vector<std::uint64_t> numbers = LogNumbers(directory);
  for (const std::uint64_t number : numbers) {
    const std::filesystem::path path = LogPath(directory, number);
    NEARHIT_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
    const LogScan scan = ScanLog(file.bytes());
    if (!scan.bad) {
      continue;
    }
    if (number != numbers.back() || scan.more || scan.good < DurableBytes(mark, number)) {
      return DataLoss("storage is damaged: " + path.string() + " at offset " +
                      std::to_string(*scan.bad));
    }
    NEARHIT_RETURN_IF_ERROR(Cut(path, file.bytes(), scan.good));
    if (log) {
      log(LogLevel::kWarning, "the end of " + path.string() + " was never whole: cut at offset " +
                                  std::to_string(scan.good) + ", " +
                                  std::to_string(file.bytes().size() - scan.good) +
                                  " bytes are kept beside it");
    }
    return Status();
  }
  return found;
}

std::vector<std::uint64_t> LogNumbers(const std::filesystem::path& directory) {
  std::vector<std::uint64_t> numbers;
  std::error_code error;
  for (auto file = std::filesystem::directory_iterator(directory, error);
       !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
    if (const std::optional<std::uint64_t> number = LogNumber(file->path().string())) {
      numbers.push_back(*number);
    }
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::filesystem::path LogPath(const std::filesystem::path& directory, std::uint64_t number) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%06llu.log", static_cast<unsigned long long>(number));
  return directory / name.data();
}

std::optional<std::uint64_t> LogNumber(std::string_view path) {
  std::string_view name = path.substr(path.find_last_of('/') + 1);
  std::uint64_t number = 0;
  if (!name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  name.remove_suffix(kSuffix.size());
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(number)
                                                                  : std::nullopt;
}

}  // namespace nearhit
