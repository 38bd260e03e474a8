// Requests to providers. Input: which endpoint; how many turns; a body. Whatever the body, a plan
// is made; and written again by another library, with its members in another order, it has the same
// plan.

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/dialect/json_edit.h"
#include "server/dialect/request_plan.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit::server {
namespace {

using Json = nlohmann::json;

constexpr Endpoint kEndpoints[] = {Endpoint::kChat, Endpoint::kCompletions, Endpoint::kResponses,
                                   Endpoint::kMessages, Endpoint::kCountTokens};

// With the members of every object in the reverse order of their names.
std::string WrittenBackwards(const Json& value) {
  if (!value.is_structured()) {
    return value.dump();
  }
  std::string members;
  for (auto it = value.rbegin(); it != value.rend(); ++it) {
    const std::string name = value.is_object() ? Json(it.key()).dump(-1, ' ', true) + " : " : "";
    members = value.is_object()
                  ? members + (members.empty() ? "" : ",\n") + name + WrittenBackwards(it.value())
                  : WrittenBackwards(*it) + (members.empty() ? "" : ",") + members;
  }
  return value.is_object() ? "{" + members + "}" : "[" + members + "]";
}

// Whether an object has a member twice, or a number is one that not every reader has alike.
class TwoWays final : public nlohmann::json_sax<Json> {
 public:
  bool found = false;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t& text) override {
    // An integer that does not fit 64 bits.
    found = found || text.find_first_of(".eE") == string_t::npos;
    return true;
  }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    names_.emplace_back();
    return true;
  }
  bool key(string_t& name) override {
    found = found || !names_.back().insert(name).second;
    return true;
  }
  bool end_object() override {
    names_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    found = true;
    return false;
  }

 private:
  std::vector<std::set<std::string>> names_;
};

RequestPlan Plan(Endpoint endpoint, const PlanOptions& options, std::string body) {
  static RequestPlanner planner;
  const std::string before = body;
  RequestPlan plan = planner.Plan(endpoint, options, &body);
  FUZZ_CHECK(body == before);
  FUZZ_CHECK((plan.use == CacheUse::kSemantic) == plan.reason.empty());
  FUZZ_CHECK(plan.use == CacheUse::kNone || !plan.slot.empty());
  return plan;
}

void CheckEdits(const Json& value, const std::string& body) {
  for (const char* const name : {"cache", "stream_options", "a"}) {
    Json without = value;
    without.erase(name);
    const std::string edited = WithoutMember(body, name);
    FUZZ_CHECK(Json::parse(edited, nullptr, false) == without);
    if (!without.contains("new")) {
      without["new"] = 1;
      FUZZ_CHECK(Json::parse(WithMember(edited, "\"new\":1"), nullptr, false) == without);
    }
  }
}

void Run(FuzzInput input) {
  const Endpoint endpoint = kEndpoints[input.Byte() % std::size(kEndpoints)];
  const PlanOptions options{.semantic_user_turns = input.Byte() % 4U};
  const std::string body(input.Rest());
  const RequestPlan plan = Plan(endpoint, options, body);
  WithoutMember(body, "a");
  WithMember(body, "\"a\":1");
  TwoWays two_ways;
  if (plan.reason == "unparsable" || !Json::sax_parse(body, &two_ways) || two_ways.found) {
    return;
  }
  const Json value = Json::parse(body);
  CheckEdits(value, body);
  const std::string backwards = WrittenBackwards(value);
  FUZZ_CHECK(Json::parse(backwards) == value);
  const RequestPlan again = Plan(endpoint, options, backwards);
  FUZZ_CHECK(again.use == plan.use && again.reason == plan.reason);
  FUZZ_CHECK(again.canonical == plan.canonical && again.slot == plan.slot);
  FUZZ_CHECK(again.model == plan.model && again.of_caller_only == plan.of_caller_only);
  FUZZ_CHECK(again.stream == plan.stream && again.include_usage == plan.include_usage);
  FUZZ_CHECK(again.cache.there == plan.cache.there && again.cache.ttl_s == plan.cache.ttl_s);
}

}  // namespace
}  // namespace nearhit::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::server::Run(nearhit::FuzzInput(data, size));
  return 0;
}
