// Decoders of every stored record, and of keys. What decodes must encode to the same bytes.
// Input: kind, flags, key (a length byte in front), value. Flag 1 puts version and checksum right,
// so that the parser behind them is reached.

#include <string>
#include <vector>

#include "engine/database/catalogue.h"
#include "engine/storage/envelope.h"
#include "engine/storage/high_water_mark.h"
#include "engine/storage/keys.h"
#include "engine/storage/record.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit {
namespace {

constexpr std::uint8_t kSealFlag = 1;

// Unreadable is fine; readable as something that is written differently is not.
template <typename T, typename Encode>
void CheckCanonical(const Result<T>& decoded, std::string_view bytes, Encode encode) {
  if (decoded.ok()) {
    FUZZ_CHECK(encode(*decoded) == bytes);
  } else {
    FUZZ_CHECK(decoded.status().code() == StatusCode::kDataLoss ||
               decoded.status().code() == StatusCode::kFailedPrecondition);
  }
}

void CheckVector(std::string_view key, std::string_view value) {
  std::vector<float> vector(value.size() < 9 ? 1 : (value.size() - 9) / sizeof(float));
  const Status decoded = DecodeVector(key, value, vector);
  if (decoded.ok()) {
    FUZZ_CHECK(EncodeVector(key, vector) == value);
  }
}

void CheckKeys(std::string_view key) {
  if (const auto id = ParseEntryKey(key)) {
    FUZZ_CHECK(EntryKey(0, *id).substr(4) == key.substr(4));
  }
  if (const auto id = ParseTagKey(key)) {
    FUZZ_CHECK(TagKey(0, TagOfKey(key), *id).substr(4) == key.substr(4));
  }
  if (const auto parts = ParseExpiryKey(key)) {
    FUZZ_CHECK(ExpiryKey(0, parts->expires_us, parts->id).substr(4) == key.substr(4));
  }
  if (const auto parts = ParseLabelKey(key)) {
    FUZZ_CHECK(LabelKey(0, *parts).substr(4) == key.substr(4));
  }
  if (const auto partition = ParsePartitionKey(key)) {
    FUZZ_CHECK(PartitionKey(0, *partition).substr(4) == key.substr(4));
  }
}

void Run(FuzzInput input) {
  const std::uint8_t kind = input.Byte();
  const bool seal = (input.Byte() & kSealFlag) != 0;
  const std::string_view key = input.Short();
  std::string value(input.Rest());
  if (seal) {
    value = Seal(key, NewRecord() + value);
  }
  switch (kind % 11) {
    case 0:
      return CheckCanonical(DecodeHeader(key, value), value,
                            [&](const HeaderRecord& r) { return EncodeHeader(key, r); });
    case 1:
      return CheckCanonical(DecodePayload(key, value), value,
                            [&](const PayloadRecord& r) { return EncodePayload(key, r); });
    case 2:
      return CheckVector(key, value);
    case 3:
      return CheckCanonical(DecodePartition(key, value), value,
                            [&](std::string_view r) { return EncodePartition(key, r); });
    case 4:
      return CheckCanonical(DecodeIds(key, value), value,
                            [&](const std::vector<EntryId>& r) { return EncodeIds(key, r); });
    case 5:
      return CheckCanonical(DecodeNamespace(key, value), value,
                            [&](const NamespaceRecord& r) { return EncodeNamespace(key, r); });
    case 6:
      return CheckCanonical(DecodeSecret(key, value), value,
                            [&](const HashSecret& r) { return EncodeSecret(key, r); });
    case 7:
      return CheckCanonical(DecodeNextNumber(key, value), value,
                            [&](NamespaceNumber r) { return EncodeNextNumber(key, r); });
    case 8:
      return CheckCanonical(DecodeHighWaterMark(value), value,
                            [](const HighWaterMark& r) { return EncodeHighWaterMark(r); });
    case 9:
      return CheckCanonical(DecodeLabel(key, value), value,
                            [&](const LabelRecord& r) { return EncodeLabel(key, r); });
    default:
      CheckKeys(key);
      return CheckCanonical(DecodeReembedding(key, value), value,
                            [&](const PendingReembedding& r) { return EncodeReembedding(key, r); });
  }
}

}  // namespace
}  // namespace nearhit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::Run(nearhit::FuzzInput(data, size));
  return 0;
}
