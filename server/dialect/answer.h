// Answers of providers: what they say of themselves, and from whole bodies to streams and back.
//
// Nothing here knows the request. No function throws, whatever the bytes are. An answer that cannot
// be converted without loss is an error: it serves the wire mode it came in, and no other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"
#include "server/dialect/sse.h"

namespace nearhit::server {

// Wire formats of generated answers.
enum class Api : std::uint8_t {
  kChat,         // OpenAI /v1/chat/completions
  kCompletions,  // OpenAI /v1/completions
  kMessages,     // Anthropic /v1/messages
  kResponses,    // OpenAI /v1/responses
};

// Tokens as the provider counted them.
struct TokenUsage {
  std::uint64_t input = 0;         // all of the prompt, with the next two
  std::uint64_t cached_input = 0;  // of them read from the provider's prompt cache
  std::uint64_t cache_write = 0;   // of them written into it
  std::uint64_t output = 0;        // with the next
  std::uint64_t reasoning = 0;     // of them for reasoning
  bool known = false;              // the answer has an object "usage"
};

// What an answer says of itself.
struct AnswerFacts {
  // Empty: may be stored. Otherwise why not, one of: "content_filter"; "empty", no text and nothing
  // in its place; "error"; "fresh_data", from tools of the provider; "incomplete"; "length";
  // "refusal"; "server_state", which the provider may forget; "tool_call"; "unknown_shape".
  // A literal.
  std::string_view refusal_to_store;
  // Text in every choice, and besides it at most reasoning: may serve streams and whole answers
  // alike, provided that the conversion succeeds.
  bool text_only = false;
  bool has_reasoning = false;
  std::string model;
  TokenUsage usage;
};

// Facts of a whole answer of status 200.
AnswerFacts InspectBody(Api api, std::string_view body);

// Facts of a whole stream. What cannot be joined is not stored: "error" if it has one, "incomplete"
// without its terminal event, "unknown_shape" otherwise.
AnswerFacts InspectEvents(Api api, std::span<const SseEvent> events);

// The body that the provider would have sent instead of the stream; of Responses that in its last
// event, complete or incomplete. The stream has to be whole, from first event to terminal one.
//
// Errors: kInvalidArgument for data that is not JSON; kFailedPrecondition when the pieces cannot be
// joined without loss, or the stream has an error or no end.
Result<std::string> BodyFromEvents(Api api, std::span<const SseEvent> events);

// The blocks of a stream that says the same, each with its blank line, the terminal one included.
// BodyFromEvents gives the same body again, as JSON: that is checked here. Chat and completions end
// with a chunk for usage, when there is any: RoleOf tells which, for clients that want none.
//
// Errors: kInvalidArgument when the body is not JSON; kFailedPrecondition when it has what a stream
// cannot say without loss. Of Responses only text, without annotations, can be said.
Result<std::vector<std::string>> EventsFromBody(Api api, std::string_view body);

enum class EventRole : std::uint8_t {
  kOther,
  kUsageOnly,  // OpenAI's chunk without choices that has the usage
  kTerminal,   // the last event: of Responses also that of an incomplete answer
  kError,      // an error in the stream, after which nothing follows
};

// Cost: one search for a word or two in the data; parses it only when one is there.
EventRole RoleOf(Api api, const SseEvent& event);

// The answer without reasoning, thinking and their signatures, for another prompt than the one it
// was given to. The same bytes when it has none.
//
// Errors: kInvalidArgument when the body is not JSON of this dialect; kFailedPrecondition when
// nothing is left.
Result<std::string> WithoutReasoning(Api api, std::string_view body);

// The text that the answer says, of all choices or parts one after the other; without reasoning.
// Empty when it has none, or the body is not JSON of this dialect.
std::string AnswerText(Api api, std::string_view body);

// An error of HTTP in the shape of the dialect. `request_id` may be empty; only Messages shows it.
std::string ErrorBody(Api api, int status, std::string_view message, std::string_view request_id);

// A block that ends a stream which failed after its head was sent. Every SDK raises on it.
// `sequence_number` follows that of the last event and is used by Responses only.
std::string ErrorEvent(Api api, std::string_view message, std::uint64_t sequence_number = 0);

}  // namespace nearhit::server
