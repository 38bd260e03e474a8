#include "cli/json_record.h"

#include <utility>

namespace nearhit {
namespace {

// Builds the two outer levels and looks at the rest without keeping it, so that depth costs
// nothing.
class RecordBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit RecordBuilder(nlohmann::json* object) : object_(*object) {}

  const std::string& problem() const { return problem_; }

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return Fail("not valid JSON"); }
  bool start_object(std::size_t /*size*/) override {
    return depth_ == 0 ? Open() : Add(nlohmann::json::object()) && Open();
  }
  bool start_array(std::size_t /*size*/) override { return Add(nlohmann::json::array()) && Open(); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    if (depth_ > 1) {
      return true;
    }
    const auto [place, added] = object_.get_ref<nlohmann::json::object_t&>().try_emplace(name);
    member_ = &place->second;
    return added || Fail("a field is there twice");
  }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    constexpr int kNumberOutOfRange = 406;
    return Fail(
        (error.id == kNumberOutOfRange ? "a number that no double holds" : "not valid JSON") +
        (" at byte " + std::to_string(position)));
  }

 private:
  bool Fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  template <typename T>
  bool Add(T&& value) {
    if (depth_ == 0) {
      return Fail("not a JSON object");
    }
    if (depth_ == 1) {
      *member_ = std::forward<T>(value);
    } else if (depth_ == 2 && member_->is_array()) {
      nlohmann::json& element =
          member_->get_ref<nlohmann::json::array_t&>().emplace_back(std::forward<T>(value));
      if (element.is_structured()) {
        element = nullptr;
      }
    }
    return true;
  }
  bool Open() {
    ++depth_;
    return true;
  }
  bool Close() {
    --depth_;
    return true;
  }

  nlohmann::json& object_;
  nlohmann::json* member_ =
      nullptr;  // of the outermost object: where the value of the last key goes
  std::size_t depth_ = 0;
  std::string problem_;
};

constexpr std::string_view kJsonSpaces = " \t\r\n";

// The text of one value of valid JSON, which begins at `text`.
std::string_view TextOfValue(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      at += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == '}' || c == ':')) {
      return text.substr(0, text.find_last_not_of(kJsonSpaces, at - 1) + 1);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return text;
}

}  // namespace

Result<JsonRecord> ParseJsonRecord(std::string_view text) {
  JsonRecord record;
  RecordBuilder builder(&record.object);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    return InvalidArgument(builder.problem());
  }
  std::size_t at = text.find('{') + 1;
  while (true) {
    at = text.find_first_not_of(kJsonSpaces, at);
    if (text[at] == '}') {
      return record;
    }
    const std::string_view name = TextOfValue(text.substr(at));
    at = text.find(':', at + name.size()) + 1;
    at = text.find_first_not_of(kJsonSpaces, at);
    const std::string_view value = TextOfValue(text.substr(at));
    record.raw.emplace(nlohmann::json::parse(name).get<std::string>(), value);
    at = text.find_first_of(",}", at + value.size());
    at += text[at] == ',' ? 1 : 0;
  }
}

}  // namespace nearhit
