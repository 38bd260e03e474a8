#include "server/grpc/parse.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "base/utf8.h"

namespace nearhit::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

// A text field that is not UTF-8.
struct BadText {
  std::string place;
  std::size_t bytes = 0;
};

// The first one in a message of this type; nothing when there is none, or the form is wrong before.
std::optional<BadText> FindBadText(const google::protobuf::Descriptor& type,
                                   std::string_view bytes) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
  std::map<int, std::size_t> seen;
  while (const std::uint32_t tag = input.ReadTag()) {
    const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    if (field == nullptr ||
        WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&input, tag)) {
        return std::nullopt;
      }
      continue;
    }
    std::uint32_t size = 0;
    std::string value;
    if (!input.ReadVarint32(&size) || !input.ReadString(&value, static_cast<int>(size))) {
      return std::nullopt;
    }
    std::string place = field->name();
    if (field->is_repeated()) {
      place += "[" + std::to_string(seen[field->number()]++) + "]";
    }
    if (field->type() == FieldDescriptor::TYPE_STRING && !IsValidUtf8(value)) {
      return BadText{place, value.size()};
    }
    if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      if (auto inner = FindBadText(*field->message_type(), value)) {
        return BadText{place + "." + inner->place, inner->bytes};
      }
    }
  }
  return std::nullopt;
}

Status WhatIsWrong(const grpc::ByteBuffer& bytes, const google::protobuf::Descriptor& type) {
  grpc::Slice slice;
  const bool readable = bytes.DumpToSingleSlice(&slice).ok();
  const std::string_view view(reinterpret_cast<const char*>(slice.begin()), slice.size());
  if (const auto bad = readable ? FindBadText(type, view) : std::nullopt) {
    return InvalidArgument(bad->place + " of " + std::to_string(bad->bytes) +
                           " bytes is not valid UTF-8");
  }
  return InvalidArgument("the message of " + std::to_string(bytes.Length()) +
                         " bytes cannot be read as " + type.full_name());
}

}  // namespace

Status Parse(grpc::ByteBuffer* bytes, google::protobuf::Message* message) {
  Status status;
  if (bytes->Valid()) {
    grpc::ProtoBufferReader reader(bytes);
    if (!message->ParseFromZeroCopyStream(&reader) || !reader.status().ok()) {
      status = WhatIsWrong(*bytes, *message->GetDescriptor());
    }
  }
  bytes->Clear();
  return status;
}

}  // namespace nearhit::server
