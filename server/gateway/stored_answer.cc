#include "server/gateway/stored_answer.h"

#include "base/coding.h"
#include "server/dialect/sse.h"

namespace nearhit::server {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kWithoutOrigin = 1;  // without model, took_ms and converts

bool IsUsageOnly(Api api, std::string_view block) {
  bool is_it = false;
  SseParser parser;
  const Status parsed = parser.Feed(block, [api, &is_it](const SseEvent& event, std::string_view) {
    is_it = RoleOf(api, event) == EventRole::kUsageOnly;
  });
  return parsed.ok() && is_it;
}

}  // namespace

std::vector<StoredEvent> EventsOf(Api api, const std::vector<std::string>& blocks) {
  std::vector<StoredEvent> events;
  events.reserve(blocks.size());
  for (const std::string& block : blocks) {
    events.push_back({.block = block, .usage_only = IsUsageOnly(api, block)});
  }
  return events;
}

Status AddForm(std::optional<Api> api, bool stream, StoredAnswer* answer, MadeForm* made) {
  if (answer->Has(stream)) {
    return Status();
  }
  if (!api || !answer->converts) {
    return FailedPrecondition("the answer has one form only");
  }
  if (stream) {
    NEARHIT_ASSIGN_OR_RETURN(made->blocks, EventsFromBody(*api, answer->body));
    answer->events = EventsOf(*api, made->blocks);
    return Status();
  }
  std::vector<SseEvent> events;
  SseParser parser;
  for (const StoredEvent& event : answer->events) {
    NEARHIT_RETURN_IF_ERROR(parser.Feed(
        event.block,
        [&events](const SseEvent& parsed, std::string_view) { events.push_back(parsed); }));
  }
  NEARHIT_ASSIGN_OR_RETURN(made->body, BodyFromEvents(*api, events));
  answer->body = made->body;
  return Status();
}

// version, model, took_ms, converts, body, number of events; of each: usage_only, delay, block
std::string EncodeAnswer(const StoredAnswer& answer) {
  std::string bytes;
  PutFixed(&bytes, kVersion);
  PutBytes(&bytes, answer.model);
  PutFixed(&bytes, answer.took_ms);
  PutFixed(&bytes, static_cast<std::uint8_t>(answer.converts ? 1 : 0));
  PutBytes(&bytes, answer.body);
  PutFixed(&bytes, static_cast<std::uint32_t>(answer.events.size()));
  for (const StoredEvent& event : answer.events) {
    PutFixed(&bytes, static_cast<std::uint8_t>(event.usage_only ? 1 : 0));
    PutFixed(&bytes, event.delay_ms);
    PutBytes(&bytes, event.block);
  }
  return bytes;
}

Result<StoredAnswer> DecodeAnswer(std::string_view bytes) {
  ByteReader reader(bytes);
  StoredAnswer answer;
  const auto version = reader.Fixed<std::uint8_t>();
  if (version == kVersion) {
    answer.model = reader.Bytes();
    answer.took_ms = reader.Fixed<std::uint32_t>();
    answer.converts = reader.Fixed<std::uint8_t>() != 0;
  }
  answer.body = reader.Bytes();
  const auto count = reader.Fixed<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    StoredEvent event;
    event.usage_only = reader.Fixed<std::uint8_t>() != 0;
    event.delay_ms = reader.Fixed<std::uint32_t>();
    event.block = reader.Bytes();
    answer.events.push_back(event);
  }
  const bool known = version == kVersion || version == kWithoutOrigin;
  if (!known || !reader.AtEnd() || (answer.body.empty() && answer.events.empty())) {
    return Status(StatusCode::kDataLoss, "the entry is not an answer of the gateway");
  }
  return answer;
}

}  // namespace nearhit::server
