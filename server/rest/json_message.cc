#include "server/rest/json_message.h"

#include <algorithm>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include "server/rest/json_form.h"

namespace nearhit::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// The field at "items[3].ttl_ms"; null when there is none.
const FieldDescriptor* FieldAt(const Descriptor* type, std::string_view place) {
  const FieldDescriptor* field = nullptr;
  while (!place.empty()) {
    const std::string_view step = place.substr(0, place.find('.'));
    place.remove_prefix(std::min(place.size(), step.size() + 1));
    field = type == nullptr ? nullptr
                            : type->FindFieldByName(std::string(step.substr(0, step.find('['))));
    if (field == nullptr) {
      return nullptr;
    }
    type = field->message_type();
  }
  return field;
}

std::string TypeOf(const FieldDescriptor& field) {
  return field.type() == FieldDescriptor::TYPE_ENUM    ? field.enum_type()->full_name()
         : field.type() == FieldDescriptor::TYPE_BYTES ? "bytes in base64"
                                                       : field.type_name();
}

// protobuf's words show the value; only the place is taken of "(place): invalid value …".
Status WhatIsWrong(std::string_view words, const Descriptor& type) {
  const std::size_t end = words.find("): invalid value ");
  if (words.starts_with('(') && end != std::string_view::npos) {
    const std::string_view place = words.substr(1, end - 1);
    if (const FieldDescriptor* field = FieldAt(&type, place)) {
      return InvalidArgument(std::string(place) + " is not of type " + TypeOf(*field));
    }
  }
  return InvalidArgument("the body cannot be read as " + type.full_name());
}

}  // namespace

Status ReadJson(std::string_view json, google::protobuf::Message* message) {
  const Descriptor& type = *message->GetDescriptor();
  NEARHIT_RETURN_IF_ERROR(CheckJsonForm(json, type));
  const auto status =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message);
  return status.ok() ? Status()
                     : WhatIsWrong({status.message().data(), status.message().size()}, type);
}

Result<std::string> WriteJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string out;
  if (!google::protobuf::util::MessageToJsonString(message, &out, options).ok()) {
    return Internal("an answer cannot be written as JSON");
  }
  return out;
}

}  // namespace nearhit::server
