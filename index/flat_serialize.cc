// FlatIndex to bytes and back. Nothing that is read is trusted.

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "base/coding.h"
#include "index/flat_index.h"

namespace nearhit {

void FlatIndex::Serialize(std::string* out) const {
  ReaderLock lock(&mu_);
  for (std::uint32_t slot = 0; slot < size_; ++slot) {
    PutFixed(out, IdsBySlot()[slot].value);
    PutFixed(out, large_ != nullptr ? large_->fingerprints[slot] : std::uint32_t{0});
    out->append(reinterpret_cast<const char*>(Record(slot)), codec_.record_bytes());
  }
}

Status FlatIndex::Deserialize(std::string_view bytes) {
  const std::size_t each = sizeof(std::uint64_t) + sizeof(std::uint32_t) + codec_.record_bytes();
  if (bytes.size() % each != 0) {
    return DataLoss("index snapshot has the wrong shape");
  }
  ByteReader reader(bytes);
  WriterLock lock(&mu_);
  while (reader.remaining() > 0) {
    const EntryId id{reader.Fixed<std::uint64_t>()};
    Encoded encoded;
    encoded.fingerprint = reader.Fixed<std::uint32_t>();
    encoded.record.reset(new std::byte[codec_.record_bytes()]);
    const std::string_view record = reader.Raw(codec_.record_bytes());
    std::memcpy(encoded.record.get(), record.data(), record.size());
    if (Find(id) != SlotMap::kNone || !codec_.IsSound(encoded.record.get())) {
      MakeSmall(0);
      return DataLoss("index snapshot holds an id twice or a vector that is none");
    }
    encoded.components.resize(codec_.dimension());
    codec_.DecodeComponents(encoded.record.get(), encoded.components);
    encoded.step = codec_.StepOf(encoded.record.get());
    Append(id, encoded);
  }
  return Status();
}

}  // namespace nearhit
