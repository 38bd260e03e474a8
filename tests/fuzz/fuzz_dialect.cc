// Answers of providers. Input: which dialect; a text, which is taken as a stream and as a body.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/dialect/answer.h"
#include "server/dialect/sse.h"
#include "server/dialect/usage.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit::server {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct Stream {
  std::vector<SseEvent> events;
  std::vector<std::string> blocks;
};

Stream Read(std::string_view text) {
  Stream stream;
  SseParser parser;
  const Status fed = parser.Feed(text, [&stream](const SseEvent& event, std::string_view raw) {
    stream.events.push_back(event);
    stream.blocks.emplace_back(raw);
  });
  FUZZ_CHECK(fed.ok());
  return stream;
}

std::string Joined(const std::vector<std::string>& blocks) {
  std::string text;
  for (const std::string& block : blocks) {
    text += block;
  }
  return text;
}

bool IsSameJson(std::string_view a, std::string_view b) {
  const auto parsed = nlohmann::json::parse(a, nullptr, /*allow_exceptions=*/false);
  FUZZ_CHECK(!parsed.is_discarded());
  return parsed == nlohmann::json::parse(b, nullptr, /*allow_exceptions=*/false);
}

void CheckBody(Api api, std::string_view body) {
  const AnswerFacts facts = InspectBody(api, body);
  FUZZ_CHECK(!facts.text_only || facts.refusal_to_store.empty());
  const auto without = WithoutReasoning(api, body);
  if (without.ok()) {
    const AnswerFacts left = InspectBody(api, *without);
    FUZZ_CHECK(!left.has_reasoning);
    FUZZ_CHECK(*WithoutReasoning(api, *without) == *without);
    FUZZ_CHECK(left.text_only || !facts.text_only);
  }
  const auto blocks = EventsFromBody(api, body);
  if (!blocks.ok()) {
    FUZZ_CHECK(blocks.status().code() == StatusCode::kInvalidArgument ||
               blocks.status().code() == StatusCode::kFailedPrecondition);
    return;
  }
  const Stream stream = Read(Joined(*blocks));
  FUZZ_CHECK(stream.blocks == *blocks);
  FUZZ_CHECK(RoleOf(api, stream.events.back()) == EventRole::kTerminal);
  const auto again = BodyFromEvents(api, stream.events);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(IsSameJson(*again, body));
}

// Bytes of any kind may come in; what is JSON stays JSON, and a stream has the same events.
void CheckUsage(Api api, std::string_view text) {
  const std::string edited = WithZeroUsage(api, text);
  FUZZ_CHECK(edited.size() <= text.size());
  FUZZ_CHECK(WithZeroUsage(api, edited) == edited);
  FUZZ_CHECK(!nlohmann::json::accept(text) || nlohmann::json::accept(edited));
  const Stream before = Read(text);
  std::string zeroed(text.starts_with(kByteOrderMark) ? kByteOrderMark : "");
  const std::size_t end = zeroed.size() + Joined(before.blocks).size();
  for (const std::string& block : before.blocks) {
    zeroed += BlockWithZeroUsage(api, block);
  }
  // A last blank line that is CR alone ends only with the byte that follows it.
  zeroed += text.substr(end);
  const Stream after = Read(zeroed);
  FUZZ_CHECK(after.events.size() == before.events.size());
  for (std::size_t i = 0; i < after.events.size(); ++i) {
    FUZZ_CHECK(after.events[i].name == before.events[i].name);
    FUZZ_CHECK(after.events[i].data == WithZeroUsage(api, before.events[i].data));
  }
}

void Run(FuzzInput input) {
  const Api api = static_cast<Api>(input.Byte() % 4);
  const std::string_view text = input.Rest();
  const std::vector<SseEvent> events = Read(text).events;
  for (const SseEvent& event : events) {
    RoleOf(api, event);
  }
  const AnswerFacts facts = InspectEvents(api, events);
  const auto body = BodyFromEvents(api, events);
  if (body.ok()) {
    const AnswerFacts of_body = InspectBody(api, *body);
    FUZZ_CHECK(of_body.refusal_to_store == facts.refusal_to_store);
    FUZZ_CHECK(!of_body.text_only || EventsFromBody(api, *body).ok());
    CheckBody(api, *body);
  } else {
    FUZZ_CHECK(!facts.refusal_to_store.empty());
  }
  CheckBody(api, text);
  CheckUsage(api, text);
  const std::string error = ErrorEvent(api, text.substr(0, 64));
  FUZZ_CHECK(RoleOf(api, Read(error).events.at(0)) == EventRole::kError);
}

}  // namespace
}  // namespace nearhit::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::server::Run(nearhit::FuzzInput(data, size));
  return 0;
}
