#include "server/dialect/answer_json.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace nearhit::server {
namespace {

// Builds the value while it looks at what nlohmann's own builder lets pass.
class LimitedBuilder final : public nlohmann::json_sax<AnswerJson> {
 public:
  LimitedBuilder(AnswerJson* root, std::size_t max_depth) : root_(root), max_depth_(max_depth) {}

  const std::string& problem() const { return problem_; }

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t& text) override {
    return text.find_first_of(".eE") == string_t::npos ? Fail("an integer of more than 64 bits")
                                                       : Add(value);
  }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return Fail("a binary value"); }
  bool start_object(std::size_t /*size*/) override { return Open(AnswerJson::object()); }
  bool start_array(std::size_t /*size*/) override { return Open(AnswerJson::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    auto* object = open_.back()->get_ptr<AnswerJson::object_t*>();
    if (object->size() >= kMaxMembers) {
      return Fail("an object of more than " + std::to_string(kMaxMembers) + " members");
    }
    const auto [place, added] = object->emplace(name, nullptr);
    if (!added) {
      return Fail("a key that is there twice");
    }
    member_ = &place->second;
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return Fail("no JSON at byte " + std::to_string(position));
  }

 private:
  bool Fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  template <typename T>
  AnswerJson* Put(T&& value) {
    if (open_.empty()) {
      *root_ = std::forward<T>(value);
      return root_;
    }
    if (open_.back()->is_array()) {
      return &open_.back()->get_ptr<AnswerJson::array_t*>()->emplace_back(std::forward<T>(value));
    }
    *member_ = std::forward<T>(value);
    return member_;
  }
  template <typename T>
  bool Add(T&& value) {
    Put(std::forward<T>(value));
    return true;
  }
  bool Open(AnswerJson value) {
    if (open_.size() >= max_depth_) {
      return Fail("nested deeper than " + std::to_string(max_depth_) + " levels");
    }
    // Pointers stay valid: an array or object grows only while none of its members is open.
    open_.push_back(Put(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  AnswerJson* const root_;
  const std::size_t max_depth_;
  AnswerJson* member_ = nullptr;   // where the value of the last key goes
  std::vector<AnswerJson*> open_;  // arrays and objects around, outermost first
  std::string problem_;
};

bool SameObject(const AnswerJson& a, const AnswerJson& b) {
  if (a.size() != b.size()) {
    return false;
  }
  auto same_place = b.begin();  // most objects have the same order
  for (auto member = a.begin(); member != a.end(); ++member, ++same_place) {
    const auto other = same_place.key() == member.key() ? same_place : b.find(member.key());
    if (other == b.end() || !SameJson(*member, *other)) {
      return false;
    }
  }
  return true;
}

// Pieces may not make an object that could not be read again.
bool IsFull(const AnswerJson& object) {
  return object.size() >= kMaxMembers;
}

Status CannotJoin(const std::string& key, std::string_view why) {
  constexpr std::size_t kShownBytes = 40;
  return FailedPrecondition("pieces of " + (key.size() <= kShownBytes ? key : "a member") + " " +
                            std::string(why));
}

}  // namespace

Result<AnswerJson> ParseAnswerJson(std::string_view text, std::size_t max_depth) {
  AnswerJson root;
  LimitedBuilder builder(&root, max_depth);
  if (!AnswerJson::sax_parse(text.begin(), text.end(), &builder)) {
    return InvalidArgument("answer of " + std::to_string(text.size()) + " bytes has " +
                           builder.problem());
  }
  return root;
}

std::string DumpJson(const AnswerJson& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, AnswerJson::error_handler_t::replace);
}

std::size_t JsonDepth(const AnswerJson& value) {
  if (!value.is_structured()) {
    return 0;
  }
  std::size_t deepest = 0;
  for (const AnswerJson& item : value) {
    deepest = std::max(deepest, JsonDepth(item));
  }
  return deepest + 1;
}

bool SameJson(const AnswerJson& a, const AnswerJson& b) {
  if (a.is_object() && b.is_object()) {
    return SameObject(a, b);
  }
  if (a.is_array() && b.is_array()) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), SameJson);
  }
  return a == b;
}

const AnswerJson* FindMember(const AnswerJson& object, std::string_view key) {
  if (const auto* members = object.get_ptr<const AnswerJson::object_t*>()) {
    for (const auto& [name, value] : *members) {
      if (name == key) {
        return &value;
      }
    }
  }
  return nullptr;
}

const AnswerJson* FindValue(const AnswerJson& object, std::string_view key) {
  const AnswerJson* value = FindMember(object, key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string_view FindText(const AnswerJson& object, std::string_view key) {
  const AnswerJson* value = FindMember(object, key);
  return value == nullptr || !value->is_string() ? std::string_view()
                                                 : value->get_ref<const std::string&>();
}

std::uint64_t FindCount(const AnswerJson& object, std::string_view key) {
  const AnswerJson* value = FindMember(object, key);
  return value == nullptr || !value->is_number_unsigned() ? 0 : value->get<std::uint64_t>();
}

bool SaysNothing(const AnswerJson& value) {
  return value.is_string() ? value.get_ref<const std::string&>().empty() : value.empty();
}

bool HasTruth(const AnswerJson& object, std::string_view key) {
  const AnswerJson* value = FindMember(object, key);
  return value != nullptr && !SaysNothing(*value) && *value != AnswerJson(false) &&
         !(value->is_number() && *value == AnswerJson(0));
}

Status KeepMember(AnswerJson* object, const std::string& key, const AnswerJson& value) {
  const AnswerJson* found = FindMember(*object, key);
  if (found == nullptr && IsFull(*object)) {
    return CannotJoin(key, "are too many");
  }
  if (found == nullptr || found->is_null() || (SaysNothing(*found) && !SaysNothing(value))) {
    (*object)[key] = value;
    return Status();
  }
  if (SaysNothing(value)) {
    return Status();
  }
  if (value.is_array()) {
    return CannotJoin(key, "are arrays");
  }
  return SameJson(*found, value) ? Status() : CannotJoin(key, "differ");
}

Status JoinText(AnswerJson* object, const std::string& key, const AnswerJson& value) {
  if (!value.is_string() && !value.is_null()) {
    return CannotJoin(key, "are no strings");
  }
  if (IsFull(*object) && FindMember(*object, key) == nullptr) {
    return CannotJoin(key, "are too many");
  }
  AnswerJson& joined = (*object)[key];
  if (joined.is_null()) {
    joined = value;
  } else if (!joined.is_string()) {
    return CannotJoin(key, "are no strings");
  } else if (value.is_string()) {
    joined.get_ref<std::string&>() += value.get_ref<const std::string&>();
  }
  return Status();
}

Status JoinArray(AnswerJson* object, const std::string& key, const AnswerJson& value) {
  if (!value.is_array() && !value.is_null()) {
    return CannotJoin(key, "are no arrays");
  }
  if (IsFull(*object) && FindMember(*object, key) == nullptr) {
    return CannotJoin(key, "are too many");
  }
  AnswerJson& joined = (*object)[key];
  if (joined.is_null()) {
    joined = value;
  } else if (!joined.is_array()) {
    return CannotJoin(key, "are no arrays");
  } else if (value.is_array()) {
    joined.insert(joined.end(), value.begin(), value.end());
  }
  return Status();
}

}  // namespace nearhit::server
