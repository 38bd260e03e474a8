#include "engine/model/strict_json.h"

#include <cmath>
#include <utility>
#include <vector>

#include "base/file.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxShownBytes = 40;

// A value in a few words. Model files hold nothing secret; a long value would hide the message.
std::string Shown(const Json& value) {
  if (value.is_array() || value.is_object()) {
    return value.is_array() ? "an array" : "an object";
  }
  const std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true);
  return text.size() <= kMaxShownBytes ? text : text.substr(0, kMaxShownBytes) + "…";
}

// Builds the value while it looks at what nlohmann's own builder lets pass.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(Json* root) : root_(root) {}

  const std::string& problem() const { return problem_; }

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return Fail("binary value"); }
  bool start_object(std::size_t /*size*/) override { return Open(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    auto* object = open_.back()->get_ptr<Json::object_t*>();
    const auto [place, added] = object->try_emplace(name);
    if (!added) {
      return Fail("key " + Shown(name) + " is there twice");
    }
    member_ = &place->second;
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return Fail("not JSON at byte " + std::to_string(position));
  }

 private:
  bool Fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  template <typename T>
  Json* Put(T&& value) {
    if (open_.empty()) {
      *root_ = std::forward<T>(value);
      return root_;
    }
    if (open_.back()->is_array()) {
      return &open_.back()->get_ptr<Json::array_t*>()->emplace_back(std::forward<T>(value));
    }
    *member_ = std::forward<T>(value);
    return member_;
  }
  template <typename T>
  bool Add(T&& value) {
    Put(std::forward<T>(value));
    return true;
  }
  bool Open(Json value) {
    if (open_.size() >= static_cast<std::size_t>(kMaxJsonDepth)) {
      return Fail("nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
    }
    // Pointers stay valid: an array grows only while none of its members is open.
    open_.push_back(Put(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  Json* const root_;
  Json* member_ = nullptr;   // where the value of the last key goes
  std::vector<Json*> open_;  // arrays and objects around, outermost first
  std::string problem_;
};

}  // namespace

Result<Json> ParseStrictJson(std::string_view text, std::string_view file) {
  Json root;
  Builder builder(&root);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return InvalidArgument(std::string(file) + ": " + builder.problem());
  }
  return root;
}

Result<std::string> ReadModelText(const std::filesystem::path& path, std::size_t max_bytes) {
  NEARHIT_ASSIGN_OR_RETURN(std::string text, ReadWholeFile(path, max_bytes));
  if (IsGitLfsPointer(text)) {
    return InvalidArgument(path.filename().string() + ": " + std::string(kGitLfsAdvice));
  }
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) {
    text.erase(0, kByteOrderMark.size());
  }
  return text;
}

Result<Json> ReadStrictJson(const std::filesystem::path& path, std::size_t max_bytes) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string text, ReadModelText(path, max_bytes));
  return ParseStrictJson(text, path.filename().string());
}

Result<JsonObject> JsonObject::Of(const Json& value, std::string_view file,
                                  std::string_view where) {
  if (!value.is_object()) {
    const std::string subject = where.empty() ? "the file" : "key \"" + std::string(where) + "\"";
    return InvalidArgument(std::string(file) + ": " + subject + " is " + Shown(value) +
                           ", expected an object");
  }
  return JsonObject(value, file, where);
}

std::string JsonObject::Path(std::string_view key) const {
  return where_.empty() ? std::string(key) : where_ + "." + std::string(key);
}

Status JsonObject::Wrong(std::string_view key, std::string_view expected) const {
  const auto found = value_->find(key);
  return InvalidArgument(file_ + ": key \"" + Path(key) + "\" is " +
                         (found == value_->end() ? "missing" : Shown(*found)) + ", expected " +
                         std::string(expected));
}

const Json* JsonObject::Find(std::string_view key) const {
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

Result<JsonObject> JsonObject::Object(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr || !value->is_object()) {
    return Wrong(key, "an object");
  }
  return JsonObject(*value, file_, Path(key));
}

Result<const Json*> JsonObject::Array(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr || !value->is_array()) {
    return Wrong(key, "an array");
  }
  return value;
}

Result<std::size_t> JsonObject::Integer(std::string_view key, std::size_t low,
                                        std::size_t high) const {
  const Json* value = Find(key);
  if (value == nullptr || !value->is_number_unsigned() || value->get<std::uint64_t>() < low ||
      value->get<std::uint64_t>() > high) {
    return Wrong(key, "an integer in " + std::to_string(low) + ".." + std::to_string(high));
  }
  return value->get<std::size_t>();
}

Result<double> JsonObject::Number(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr || !value->is_number() || !std::isfinite(value->get<double>())) {
    return Wrong(key, "a finite number");
  }
  return value->get<double>();
}

Result<std::string> JsonObject::String(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr || !value->is_string()) {
    return Wrong(key, "a string");
  }
  return value->get<std::string>();
}

Result<bool> JsonObject::BoolOr(std::string_view key, bool fallback) const {
  const Json* value = Find(key);
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_boolean()) {
    return Wrong(key, "true or false");
  }
  return value->get<bool>();
}

Result<std::string> JsonObject::StringOr(std::string_view key, std::string_view fallback) const {
  return Find(key) == nullptr ? std::string(fallback) : String(key);
}

}  // namespace nearhit
