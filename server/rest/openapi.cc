#include "server/rest/openapi.h"

#include <limits>
#include <set>

#include <google/protobuf/descriptor.h>
#include <nlohmann/json.hpp>

#include "nearhit/version.h"
#include "server/rest/rest_api.h"

namespace nearhit::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;
using Json = nlohmann::ordered_json;
using Types = std::set<const Descriptor*>;

// `type` and all that it is made of.
void Collect(const Descriptor* type, Types* types) {
  if (!types->insert(type).second) {
    return;
  }
  for (int i = 0; i < type->field_count(); ++i) {
    if (const Descriptor* inner = type->field(i)->message_type()) {
      Collect(inner, types);
    }
  }
}

Json Reference(const std::string& name) {
  return {{"$ref", "#/components/schemas/" + name}};
}

template <typename Number>
Json Integer() {
  return {{"type", "integer"},
          {"minimum", std::numeric_limits<Number>::min()},
          {"maximum", std::numeric_limits<Number>::max()}};
}

Json EnumSchema(const google::protobuf::EnumDescriptor& type) {
  Json names = Json::array();
  for (int i = 0; i < type.value_count(); ++i) {
    names.push_back(type.value(i)->name());
  }
  return {{"type", "string"}, {"enum", std::move(names)}};
}

// Of one value, by protobuf's JSON mapping.
Json ValueSchema(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_MESSAGE:
      return Reference(field.message_type()->full_name());
    case FieldDescriptor::TYPE_ENUM:
      return EnumSchema(*field.enum_type());
    case FieldDescriptor::TYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::TYPE_BYTES:
      return {{"type", "string"}, {"contentEncoding", "base64"}};
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_DOUBLE:
      return {{"type", "number"}};
    default:
      break;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return Integer<std::int32_t>();
    case FieldDescriptor::CPPTYPE_UINT32:
      return Integer<std::uint32_t>();
    case FieldDescriptor::CPPTYPE_INT64:
      return {{"type", "string"}, {"format", "int64"}, {"pattern", "^-?[0-9]{1,19}$"}};
    case FieldDescriptor::CPPTYPE_UINT64:
      return {{"type", "string"}, {"format", "uint64"}, {"pattern", "^[0-9]{1,20}$"}};
    default:
      return {{"type", "string"}};
  }
}

Json MessageSchema(const Descriptor& type, bool answers_only) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}};
  Json properties = Json::object();
  Json required = Json::array();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    Json value = ValueSchema(field);
    properties[field.name()] = field.is_repeated()
                                   ? Json{{"type", "array"}, {"items", std::move(value)}}
                                   : std::move(value);
    if (answers_only && !field.has_presence()) {
      required.push_back(field.name());
    }
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) {
    schema["required"] = std::move(required);
  }
  for (int i = 0; i < type.real_oneof_decl_count(); ++i) {
    const OneofDescriptor& oneof = *type.oneof_decl(i);
    for (int j = 0; j < oneof.field_count(); ++j) {
      schema["oneOf"].push_back({{"required", {oneof.field(j)->name()}}});
    }
  }
  return schema;
}

Json ErrorSchema() {
  const Json text = {{"type", "string"}};
  return {{"type", "object"},
          {"required", {"error"}},
          {"properties",
           {{"error",
             {{"type", "object"},
              {"required", {"code", "message"}},
              {"properties", {{"code", text}, {"message", text}}}}}}}};
}

Json Content(const std::string& schema) {
  return {{"application/json", {{"schema", Reference(schema)}}}};
}

Json Operation(const AnyCall& call) {
  const std::string service = call.method->service()->name();
  const std::string method = call.method->name();
  const Json timeout = {{"type", "integer"},
                        {"minimum", 1},
                        {"maximum", kMaxTimeoutMs},
                        {"default", kDefaultTimeoutMs}};
  return {
      {"operationId", service + "." + method},
      {"summary", call.method->full_name()},
      {"tags", {service}},
      {"parameters", {{{"name", kTimeoutHeader}, {"in", "header"}, {"schema", timeout}}}},
      {"requestBody",
       {{"required", true}, {"content", Content(call.method->input_type()->full_name())}}},
      {"responses",
       {{"200",
         {{"description", "OK"}, {"content", Content(call.method->output_type()->full_name())}}},
        {"default", {{"description", "an error"}, {"content", Content("Error")}}}}}};
}

}  // namespace

std::string MakeOpenApi(const std::vector<AnyCall>& calls, std::string_view prefix) {
  Types of_requests;
  Types all;
  Json paths = Json::object();
  for (const AnyCall& call : calls) {
    Collect(call.method->input_type(), &of_requests);
    Collect(call.method->input_type(), &all);
    Collect(call.method->output_type(), &all);
    paths[std::string(prefix) + std::string(call.path)] = {{"post", Operation(call)}};
  }
  Json schemas = {{"Error", ErrorSchema()}};
  std::set<std::string> names;  // in an order that stays
  for (const Descriptor* type : all) {
    names.insert(type->full_name());
  }
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const std::string& name : names) {
    const Descriptor* type = pool->FindMessageTypeByName(name);
    schemas[name] = MessageSchema(*type, !of_requests.contains(type));
  }
  const Json document = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "nearhit"},
        {"version", NEARHIT_VERSION},
        {"description", "The calls of nearhit.v1 (proto/nearhit/v1) by protobuf's JSON mapping."}}},
      {"paths", std::move(paths)},
      {"components", {{"schemas", std::move(schemas)}}}};
  return document.dump(1) + "\n";
}

}  // namespace nearhit::server
