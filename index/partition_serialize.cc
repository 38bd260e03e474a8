// PartitionIndex to bytes and back.

#include <cmath>
#include <cstring>
#include <utility>

#include "base/coding.h"
#include "base/normalize.h"
#include "index/partition_index.h"

namespace nearhit {

namespace {

enum class Kind : std::uint8_t { kFlat = 0, kGraph = 1 };  // stored in snapshots; do not renumber

void PutFrame(const Frame& frame, std::string* out) {
  PutFixed(out, static_cast<std::uint32_t>(frame.centre.size()));
  PutFixed(out, frame.unit);
  out->append(reinterpret_cast<const char*>(frame.centre.data()),
              frame.centre.size() * sizeof(float));
}

// False when it is none that a move would choose.
bool ReadFrame(ByteReader* reader, const Codec& codec, Frame* frame) {
  const auto components = reader->Fixed<std::uint32_t>();
  frame->unit = reader->Fixed<float>();
  int exponent = 0;
  if (!reader->ok() || !std::isnormal(frame->unit) || std::frexp(frame->unit, &exponent) != 0.5F ||
      (components != 0 && components != codec.dimension()) ||
      (components == 0 && frame->unit != 1) ||
      (components != 0 && codec.encoding() != Encoding::kInt8)) {
    return false;
  }
  const std::string_view centre = reader->Raw(components * sizeof(float));
  if (!reader->ok()) {
    return false;
  }
  frame->centre.resize(components);
  if (components != 0) {
    std::memcpy(frame->centre.data(), centre.data(), centre.size());
  }
  double squares = 0;
  for (const float component : frame->centre) {
    squares += static_cast<double>(component) * static_cast<double>(component);
  }
  return squares <= kMaxSquaredNorm;  // false for NaN and infinity as well
}

}  // namespace

void PartitionIndex::Serialize(std::string* out) const {
  // Writers wait meanwhile; searches do not.
  WriterLock writer(&write_mu_);
  const Active now = active();
  PutFixed(out, now.is_graph() ? Kind::kGraph : Kind::kFlat);
  PutFrame(now.FrameOr(codec().frame()), out);
  if (now.is_graph()) {
    now.large->graph->Serialize(out);
  } else {
    (now.large != nullptr ? *now.large->flat : flat_).Serialize(out);
  }
}

Status PartitionIndex::Deserialize(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto kind = reader.Fixed<Kind>();
  Frame frame;
  if (!reader.ok() || (kind != Kind::kFlat && kind != Kind::kGraph) ||
      !ReadFrame(&reader, codec(), &frame)) {
    return DataLoss("index snapshot has the wrong shape");
  }
  const std::string_view entries = reader.Raw(reader.remaining());
  if (kind == Kind::kFlat && frame.centre.empty()) {
    return flat_.Deserialize(entries);
  }
  auto large = std::make_shared<const Large>(kind == Kind::kGraph, codec(), frame, std::size_t{16});
  NEARHIT_RETURN_IF_ERROR(large->graph != nullptr ? large->graph->Deserialize(entries)
                                                  : large->flat->Deserialize(entries));
  WriterLock writer(&write_mu_);
  Activate(std::move(large));
  return Status();
}

}  // namespace nearhit
