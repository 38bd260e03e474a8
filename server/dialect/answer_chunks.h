// What the streams of chat and completions have in common: chunks with pieces of choices.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"
#include "server/dialect/answer_json.h"
#include "server/dialect/sse.h"

namespace nearhit::server {

// The data of the last event of OpenAI's streams.
inline constexpr std::string_view kStreamEnd = "[DONE]";

// Joins the chunks of a stream up to [DONE]. `add_piece` adds a piece of a choice to the choice,
// which has its index already. The usage is the last that is not null; obfuscation is dropped.
//
// Errors: kInvalidArgument for data that is not JSON; kFailedPrecondition for an error event, a
// missing [DONE], other objects than `chunk_object`, no choice, or a gap in their indices.
using AddPiece = std::function<Status(const AnswerJson& piece, AnswerJson* choice)>;
Result<AnswerJson> BodyFromChunks(std::span<const SseEvent> events, std::string_view chunk_object,
                                  const AddPiece& add_piece);

// Adds what a piece of a choice has besides its text: logprobs are joined, others kept.
//
// Errors: kFailedPrecondition.
Status AddChoiceMember(AnswerJson* choice, const std::string& key, const AnswerJson& value);

// Writes the chunks of a body.
//
// Thread-safety: owned by one thread.
class ChunkWriter {
 public:
  ChunkWriter(const AnswerJson& body, std::string_view chunk_object);

  // A chunk with one piece of a choice.
  void Add(AnswerJson piece);
  // The chunk of the usage, if there is any, and [DONE].
  std::vector<SseEvent> Finish();

 private:
  void Write(AnswerJson choices, const AnswerJson* usage);

  const AnswerJson& body_;
  AnswerJson every_;  // members of every chunk
  AnswerJson first_;  // and of the first alone
  std::vector<SseEvent> events_;
};

}  // namespace nearhit::server
