// Index snapshots. Input: flags, then a snapshot file; flag 1 gives it a right header and flag 2 a
// right checksum, so that the parsers behind them are reached. What loads must be searchable and
// changeable.

#include <set>
#include <string>
#include <vector>

#include "base/coding.h"
#include "base/hash.h"
#include "index/snapshot.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit {
namespace {

constexpr std::size_t kDimension = 3;
constexpr std::size_t kHeaderBytes = 26;  // up to the kind of index
constexpr std::uint8_t kHeaderFlag = 1;
constexpr std::uint8_t kChecksumFlag = 2;
constexpr std::uint8_t kL2Flag = 4;
constexpr std::uint8_t kInt8Flag = 8;

void Use(PartitionIndex* index) {
  const std::vector<float> query = {0.6F, 0.8F, 0};
  std::set<std::uint64_t> ids;
  for (const EntryId id : index->Ids()) {
    FUZZ_CHECK(ids.insert(id.value).second);
  }
  FUZZ_CHECK(ids.size() == index->size());
  const auto search = [&] {
    SearchStats stats;
    std::vector<Neighbor> found = *index->Search(query, {.k = 5}, &stats);
    FUZZ_CHECK(std::is_sorted(found.begin(), found.end()));
    for (const Neighbor& neighbor : found) {
      FUZZ_CHECK(ids.contains(neighbor.id.value) && neighbor.score == neighbor.score);
    }
    return found;
  };
  search();
  const EntryId fresh{0x5eed};
  index->Add(fresh, query).IgnoreError();  // fails for a full index only
  ids.insert(fresh.value);
  FUZZ_CHECK(index->Contains(fresh));
  for (const Neighbor& neighbor : search()) {
    FUZZ_CHECK(index->Erase(neighbor.id));
    ids.erase(neighbor.id.value);
  }
  search();
  FUZZ_CHECK(index->size() == ids.size());
}

void Run(FuzzInput input) {
  const std::uint8_t flags = input.Byte();
  const IndexMetric metric = (flags & kL2Flag) != 0 ? IndexMetric::kL2 : IndexMetric::kDot;
  const Encoding encoding = (flags & kInt8Flag) != 0 ? Encoding::kInt8 : Encoding::kFloat32;
  std::string bytes(input.Rest());
  if ((flags & kHeaderFlag) != 0) {
    const std::string header =
        EncodeSnapshot(PartitionIndex(kDimension, metric, encoding), 7).substr(0, kHeaderBytes);
    bytes.replace(0, std::min(bytes.size(), kHeaderBytes), header);
  }
  if ((flags & kChecksumFlag) != 0) {
    PutFixed(&bytes, Hash64(bytes));
  }
  PartitionIndex index(kDimension, metric, encoding);
  const Status loaded = DecodeSnapshot(bytes, &index);
  if (!loaded.ok()) {
    FUZZ_CHECK(loaded.code() == StatusCode::kDataLoss ||
               loaded.code() == StatusCode::kFailedPrecondition);
    FUZZ_CHECK(index.size() == 0);
    return;
  }
  PartitionIndex again(kDimension, metric, encoding);
  FUZZ_CHECK(DecodeSnapshot(EncodeSnapshot(index, 7), &again).ok());
  Use(&index);
}

}  // namespace
}  // namespace nearhit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::Run(nearhit::FuzzInput(data, size));
  return 0;
}
