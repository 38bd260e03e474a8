#include "server/rest/json_form.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace nearhit::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;

// Of a member's name in an error.
constexpr std::size_t kMaxShownName = 64;

bool AddNew(const void* one, std::vector<const void*>* seen) {
  if (std::find(seen->begin(), seen->end(), one) != seen->end()) {
    return false;
  }
  seen->push_back(one);
  return true;
}

enum class Kind : std::uint8_t { kNull, kScalar, kObject, kList };

// Follows the text and the descriptors together. The methods that are not in CamelCase are those
// that the reader calls; false ends the reading.
class FormFollower final : public nlohmann::json_sax<nlohmann::json> {
 public:
  FormFollower(std::size_t bytes, const Descriptor& type) : bytes_(bytes), type_(type) {}

  Status TakeStatus() { return std::move(status_); }

  bool null() override { return Value(Kind::kNull); }
  bool boolean(bool) override { return Value(Kind::kScalar); }
  bool number_integer(number_integer_t) override { return Value(Kind::kScalar); }
  bool number_unsigned(number_unsigned_t) override { return Value(Kind::kScalar); }
  bool number_float(number_float_t, const string_t&) override { return Value(Kind::kScalar); }
  bool string(string_t&) override { return Value(Kind::kScalar); }
  bool binary(binary_t&) override { return Value(Kind::kScalar); }

  bool start_object(std::size_t) override {
    const Descriptor* type = levels_.empty() ? &type_ : levels_.back().field->message_type();
    if (!Value(Kind::kObject)) {
      return false;
    }
    levels_.push_back({.type = type});
    return true;
  }
  bool end_object() override { return End(); }

  bool start_array(std::size_t) override {
    if (!Value(Kind::kList)) {
      return false;
    }
    levels_.push_back({.field = levels_.back().field});
    return true;
  }
  bool end_array() override { return End(); }

  bool key(string_t& name) override {
    Level& level = levels_.back();
    level.field = level.type->FindFieldByName(name);
    if (level.field == nullptr) {
      return Fail(Place(levels_.size() - 1) + name.substr(0, kMaxShownName) + " is no member of " +
                  level.type->full_name());
    }
    if (!AddNew(level.field, &level.seen)) {
      return Fail(Here() + " is there twice");
    }
    const OneofDescriptor* oneof = level.field->real_containing_oneof();
    if (oneof != nullptr && !AddNew(oneof, &level.seen)) {
      return Fail(Here() + " is there beside another member of \"" + oneof->name() + "\"");
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    return Fail("the body of " + std::to_string(bytes_) + " bytes is not JSON, at byte " +
                std::to_string(position));
  }

 private:
  // An object, or a list when `type` is null.
  struct Level {
    const Descriptor* type = nullptr;
    const FieldDescriptor* field = nullptr;  // of the member at hand; of a list: whose it is
    std::size_t index = 0;                   // of the item at hand, from 1
    std::vector<const void*> seen{};         // fields and oneofs
  };

  // A value begins: at the top, of a member, or of an item.
  bool Value(Kind kind) {
    if (levels_.empty()) {
      return kind == Kind::kObject ||
             Fail("the body of " + std::to_string(bytes_) + " bytes is not a JSON object");
    }
    Level& level = levels_.back();
    const bool item = level.type == nullptr;
    level.index += item ? 1 : 0;
    if (kind == Kind::kNull && !item) {  // as a member that is not there
      return true;
    }
    const Kind wanted = level.field->is_repeated() && !item                    ? Kind::kList
                        : level.field->type() == FieldDescriptor::TYPE_MESSAGE ? Kind::kObject
                                                                               : Kind::kScalar;
    return kind == wanted || Fail(Here() + (wanted == Kind::kList     ? " is not a list"
                                            : wanted == Kind::kObject ? " is not an object"
                                                                      : " is not a single value"));
  }

  bool End() {
    levels_.pop_back();
    return true;
  }

  // "items[3].prompt." of the levels below `depth`.
  std::string Place(std::size_t depth) const {
    std::string place;
    for (std::size_t i = 0; i < depth; ++i) {
      const Level& level = levels_[i];
      const bool list_follows = i + 1 < levels_.size() && levels_[i + 1].type == nullptr;
      if (level.type == nullptr) {
        place += "[" + std::to_string(level.index - 1) + "].";
      } else {
        place += level.field->name() + (list_follows ? "" : ".");
      }
    }
    return place;
  }

  std::string Here() const {
    std::string place = Place(levels_.size());
    place.pop_back();
    return place;
  }

  bool Fail(const std::string& what) {
    status_ = InvalidArgument(what);
    return false;
  }

  const std::size_t bytes_;
  const Descriptor& type_;
  std::vector<Level> levels_;
  Status status_;
};

}  // namespace

Status CheckJsonForm(std::string_view json, const Descriptor& type) {
  FormFollower follower(json.size(), type);
  nlohmann::json::sax_parse(json.begin(), json.end(), &follower);
  return follower.TakeStatus();
}

}  // namespace nearhit::server
