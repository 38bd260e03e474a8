#include "index/snapshot.h"

#include "base/coding.h"
#include "base/file.h"
#include "base/hash.h"

namespace nearhit {

namespace {
constexpr std::uint64_t kMagic = 0x31504e5354494e48ULL;  // "HNITSNP1"
constexpr std::uint32_t kVersion = 4;
// Magic, version, dimension, metric, encoding, sequence; the index and a checksum follow.
constexpr std::size_t kHeaderBytes = 8 + 4 + 4 + 1 + 1 + 8;
using Checksum = std::uint64_t;
}  // namespace

std::string EncodeSnapshot(const PartitionIndex& index, std::uint64_t sequence) {
  std::string bytes;
  PutFixed(&bytes, kMagic);
  PutFixed(&bytes, kVersion);
  PutFixed(&bytes, static_cast<std::uint32_t>(index.dimension()));
  PutFixed(&bytes, index.codec().metric());
  PutFixed(&bytes, index.codec().encoding());
  PutFixed(&bytes, sequence);
  index.Serialize(&bytes);
  PutFixed(&bytes, Hash64(bytes));
  return bytes;
}

Status DecodeSnapshot(std::string_view bytes, PartitionIndex* index) {
  ByteReader reader(bytes);
  if (reader.Fixed<std::uint64_t>() != kMagic || bytes.size() < kHeaderBytes + sizeof(Checksum)) {
    return DataLoss("index snapshot is damaged");
  }
  const auto version = reader.Fixed<std::uint32_t>();
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(Checksum));
  const auto checksum = ByteReader(bytes.substr(body.size())).Fixed<Checksum>();
  if (checksum != Hash64(body)) {
    return DataLoss("index snapshot fails its checksum");
  }
  if (version != kVersion) {
    return FailedPrecondition("index snapshot version " + std::to_string(version) +
                              " is not readable by this build (reads " + std::to_string(kVersion) +
                              ")");
  }
  const Codec& codec = index->codec();
  if (reader.Fixed<std::uint32_t>() != codec.dimension() ||
      reader.Fixed<IndexMetric>() != codec.metric() ||
      reader.Fixed<Encoding>() != codec.encoding()) {
    return DataLoss("index snapshot is of another dimension, metric or encoding");
  }
  return index->Deserialize(body.substr(kHeaderBytes));  // the sequence is for people who look
}

Status WriteSnapshot(const std::filesystem::path& path, const PartitionIndex& index,
                     std::uint64_t sequence) {
  return WriteFileAtomically(path, EncodeSnapshot(index, sequence));
}

Status LoadSnapshot(const std::filesystem::path& path, PartitionIndex* index) {
  NEARHIT_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  return DecodeSnapshot(file.bytes(), index);
}

}  // namespace nearhit
