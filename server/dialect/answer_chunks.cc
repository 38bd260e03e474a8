#include "server/dialect/answer_chunks.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <utility>

namespace nearhit::server {
namespace {

Status NotWhole(std::string_view why) {
  return FailedPrecondition("stream of chunks " + std::string(why));
}

// The provider's clock may run during a stream; a first chunk may have none.
void KeepCreated(AnswerJson* body, const AnswerJson& value) {
  const AnswerJson* found = FindMember(*body, "created");
  if (found == nullptr || found->is_null() || *found == AnswerJson(0)) {
    (*body)["created"] = value;
  }
}

class ChunkReader {
 public:
  explicit ChunkReader(const AddPiece* add_piece) : add_piece_(add_piece) {}

  Status Add(const SseEvent& event) {
    if (event.name == "error") {
      return NotWhole("has an error");
    }
    NEARHIT_ASSIGN_OR_RETURN(const AnswerJson chunk, ParseAnswerJson(event.data, kMaxEventDepth));
    if (!chunk.is_object() || HasTruth(chunk, "error")) {
      return NotWhole("has an error");
    }
    for (const auto& [key, value] : chunk.items()) {
      NEARHIT_RETURN_IF_ERROR(AddMember(key, value));
    }
    return Status();
  }

  Result<AnswerJson> Finish(std::string_view chunk_object) {
    if (FindText(body_, "object") != chunk_object) {
      return NotWhole("has other objects");
    }
    if (choices_.empty() || choices_.rbegin()->first != choices_.size() - 1) {
      return NotWhole("has no choice, or not all of them");
    }
    AnswerJson& choices = body_["choices"];
    for (auto& [index, choice] : choices_) {
      choices.push_back(std::move(choice));
    }
    if (!usage_.is_null()) {
      body_["usage"] = std::move(usage_);
    }
    return std::move(body_);
  }

 private:
  Status AddMember(const std::string& key, const AnswerJson& value) {
    if (key == "choices") {
      return AddChoices(value);
    }
    if (key == "usage") {
      if (!value.is_null()) {
        usage_ = value;
      }
      return Status();
    }
    if (key == "created") {
      KeepCreated(&body_, value);
      return Status();
    }
    return key == "obfuscation" ? Status() : KeepMember(&body_, key, value);
  }

  Status AddChoices(const AnswerJson& pieces) {
    if (!pieces.is_array()) {
      return NotWhole("has choices that are no array");
    }
    if (FindMember(body_, "choices") == nullptr) {
      body_["choices"] = AnswerJson::array();  // its place among the members
    }
    for (const AnswerJson& piece : pieces) {
      const AnswerJson* index = FindMember(piece, "index");
      if (index == nullptr || !index->is_number_unsigned()) {
        return NotWhole("has a choice without an index");
      }
      const auto [choice, added] = choices_.try_emplace(index->get<std::uint64_t>());
      if (added) {
        choice->second["index"] = *index;
      }
      NEARHIT_RETURN_IF_ERROR((*add_piece_)(piece, &choice->second));
    }
    return Status();
  }

  const AddPiece* const add_piece_;
  AnswerJson body_ = AnswerJson::object();
  AnswerJson usage_;
  std::map<std::uint64_t, AnswerJson> choices_;
};

Status JoinLogprobs(AnswerJson* choice, const AnswerJson& value) {
  AnswerJson& joined = (*choice)["logprobs"];
  if (value.is_null()) {
    return Status();
  }
  if (!value.is_object()) {
    return NotWhole("has logprobs that are no object");
  }
  if (joined.is_null()) {
    joined = AnswerJson::object();
  }
  for (const auto& [key, item] : value.items()) {
    NEARHIT_RETURN_IF_ERROR(item.is_array() || item.is_null() ? JoinArray(&joined, key, item)
                                                              : KeepMember(&joined, key, item));
  }
  return Status();
}

}  // namespace

Result<AnswerJson> BodyFromChunks(std::span<const SseEvent> events, std::string_view chunk_object,
                                  const AddPiece& add_piece) {
  ChunkReader reader(&add_piece);
  bool done = false;
  for (const SseEvent& event : events) {
    if (event.name.empty() && event.data.empty()) {
      continue;  // a comment
    }
    if (done) {
      return NotWhole("goes on after its end");
    }
    done = event.data == kStreamEnd;
    if (!done) {
      NEARHIT_RETURN_IF_ERROR(reader.Add(event));
    }
  }
  if (!done) {
    return NotWhole("has no end");
  }
  return reader.Finish(chunk_object);
}

Status AddChoiceMember(AnswerJson* choice, const std::string& key, const AnswerJson& value) {
  if (key == "index") {
    return Status();
  }
  return key == "logprobs" ? JoinLogprobs(choice, value) : KeepMember(choice, key, value);
}

ChunkWriter::ChunkWriter(const AnswerJson& body, std::string_view chunk_object)
    : body_(body), every_(AnswerJson::object()), first_(AnswerJson::object()) {
  // SDKs take these from the last chunk as well as from the first.
  constexpr std::array<std::string_view, 5> kRepeated = {"id", "created", "model", "service_tier",
                                                         "system_fingerprint"};
  for (const auto& [key, value] : body.items()) {
    if (key == "object") {
      every_[key] = std::string(chunk_object);
    } else if (!value.is_array() &&
               std::find(kRepeated.begin(), kRepeated.end(), key) != kRepeated.end()) {
      every_[key] = value;
    } else if (key != "choices" && key != "usage") {
      first_[key] = value;
    }
  }
}

void ChunkWriter::Add(AnswerJson piece) {
  AnswerJson choices = AnswerJson::array();
  choices.push_back(std::move(piece));
  Write(std::move(choices), nullptr);
}

std::vector<SseEvent> ChunkWriter::Finish() {
  if (const AnswerJson* usage = FindValue(body_, "usage")) {
    Write(AnswerJson::array(), usage);
  }
  events_.push_back({"", std::string(kStreamEnd)});
  return std::move(events_);
}

void ChunkWriter::Write(AnswerJson choices, const AnswerJson* usage) {
  AnswerJson chunk = every_;
  chunk["choices"] = std::move(choices);
  if (events_.empty()) {
    for (const auto& [key, value] : first_.items()) {
      chunk[key] = value;
    }
  }
  if (usage != nullptr) {
    chunk["usage"] = *usage;
  }
  events_.push_back({"", DumpJson(chunk)});
}

}  // namespace nearhit::server
