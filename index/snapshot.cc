#include "index/snapshot.h"

#include <string>
#include <string_view>

#include "base/coding.h"
#include "base/file.h"
#include "base/hash.h"

namespace nearhit {

namespace {
constexpr std::uint64_t kMagic = 0x31504e5354494e48ULL;
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{1} << 40;
}  // namespace

Status WriteSnapshot(const std::filesystem::path& path, const PartitionIndex& index,
                     std::uint64_t sequence) {
  std::string bytes;
  PutFixed(&bytes, kMagic);
  PutFixed(&bytes, kVersion);
  PutFixed(&bytes, static_cast<std::uint32_t>(index.dimension()));
  PutFixed(&bytes, index.codec().metric());
  PutFixed(&bytes, index.codec().encoding());
  PutFixed(&bytes, sequence);
  index.Serialize(&bytes);
  PutFixed(&bytes, Hash64(bytes));
  return WriteFileAtomically(path, bytes);
}

Result<std::unique_ptr<PartitionIndex>> LoadSnapshot(const std::filesystem::path& path,
                                                     std::size_t dimension, IndexMetric metric,
                                                     Encoding encoding) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path, kMaxBytes));
  ByteReader reader(bytes);
  if (reader.Fixed<std::uint64_t>() != kMagic || bytes.size() < sizeof(std::uint64_t) * 4) {
    return DataLoss("index snapshot " + path.string() + " is damaged");
  }
  const auto version = reader.Fixed<std::uint32_t>();
  const std::string_view body =
      std::string_view(bytes).substr(0, bytes.size() - sizeof(std::uint64_t));
  const auto checksum =
      ByteReader(std::string_view(bytes).substr(body.size())).Fixed<std::uint64_t>();
  if (checksum != Hash64(body)) {
    return DataLoss("index snapshot " + path.string() + " fails its checksum");
  }
  if (version != kVersion) {
    return FailedPrecondition("index snapshot version " + std::to_string(version) +
                              " is not readable by this build (reads " + std::to_string(kVersion) +
                              ")");
  }
  if (reader.Fixed<std::uint32_t>() != dimension || reader.Fixed<IndexMetric>() != metric ||
      reader.Fixed<Encoding>() != encoding) {
    return DataLoss("index snapshot " + path.string() +
                    " is of another dimension, metric or encoding");
  }
  reader.Fixed<std::uint64_t>();  // sequence: for people who look into the file
  auto index = std::make_unique<PartitionIndex>(dimension, metric, encoding);
  NEARHIT_RETURN_IF_ERROR(
      index->Deserialize(body.substr(body.size() - reader.remaining() + sizeof(checksum))));
  return index;
}

}  // namespace nearhit
