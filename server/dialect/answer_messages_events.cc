// Streams of Anthropic's /v1/messages, from and to bodies.

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/dialect/answer_dialects.h"

namespace nearhit::server {
namespace {

Status BadMessage(std::string_view what) {
  return FailedPrecondition("message stream has " + std::string(what));
}

// Other members would be lost.
bool HasOnly(const AnswerJson& object, std::initializer_list<std::string_view> keys) {
  if (!object.is_object()) {
    return false;
  }
  for (const auto& [key, value] : object.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      return false;
    }
  }
  return true;
}

// Later values are totals and replace earlier ones, except by null.
void Overwrite(AnswerJson* object, const AnswerJson& values) {
  for (const auto& [key, value] : values.items()) {
    if (!value.is_null() || FindMember(*object, key) == nullptr) {
      (*object)[key] = value;
    }
  }
}

class MessageReader {
 public:
  bool stopped() const { return stopped_; }

  Status Add(const SseEvent& event) {
    NEARHIT_ASSIGN_OR_RETURN(const AnswerJson data, ParseAnswerJson(event.data, kMaxEventDepth));
    const std::string_view type = FindText(data, "type");
    if (type.empty() || type != event.name) {
      return BadMessage("an event of another name than its type");
    }
    if (type == "ping") {
      return Status();
    }
    if (stopped_ || message_.has_value() == (type == "message_start")) {
      return BadMessage("events out of order");
    }
    if (type == "message_start") {
      return Start(data);
    }
    if (type == "content_block_start") {
      return StartBlock(data);
    }
    if (type == "content_block_delta") {
      return AddDelta(data);
    }
    if (type == "content_block_stop") {
      return StopBlock(data);
    }
    if (type == "message_delta") {
      return AddMessageDelta(data);
    }
    if (type != "message_stop" || !HasOnly(data, {"type"}) || open_blocks_ > 0) {
      return BadMessage("an event that is not known");
    }
    stopped_ = true;
    return Status();
  }

  // Requires: stopped().
  AnswerJson Take() {
    AnswerJson& content = (*message_)["content"];
    for (Block& block : blocks_) {
      content.push_back(std::move(block.value));
    }
    return *std::move(message_);
  }

 private:
  struct Block {
    AnswerJson value;
    std::string input;  // JSON of a tool's input, in pieces
    bool open = true;
  };

  Status Start(const AnswerJson& data) {
    const AnswerJson* message = FindMember(data, "message");
    const AnswerJson* content = message == nullptr ? nullptr : FindMember(*message, "content");
    if (content == nullptr || !content->is_array() || !content->empty() ||
        !HasOnly(data, {"type", "message"})) {
      return BadMessage("a start that is not known");
    }
    message_ = *message;
    return Status();
  }

  Status StartBlock(const AnswerJson& data) {
    const AnswerJson* block = FindMember(data, "content_block");
    const AnswerJson* index = FindMember(data, "index");
    if (block == nullptr || !block->is_object() || index == nullptr ||
        *index != AnswerJson(blocks_.size()) ||
        !HasOnly(data, {"type", "index", "content_block"})) {
      return BadMessage("blocks out of order");
    }
    blocks_.push_back({.value = *block, .input = {}});
    ++open_blocks_;
    return Status();
  }

  // Null when there is no such open block.
  Block* FindBlock(const AnswerJson& data) {
    const AnswerJson* index = FindMember(data, "index");
    if (index == nullptr || !index->is_number_unsigned() ||
        index->get<std::uint64_t>() >= blocks_.size()) {
      return nullptr;
    }
    Block& block = blocks_[index->get<std::size_t>()];
    return block.open ? &block : nullptr;
  }

  Status AddDelta(const AnswerJson& data) {
    Block* block = FindBlock(data);
    const AnswerJson* delta = FindMember(data, "delta");
    if (block == nullptr || delta == nullptr || !HasOnly(data, {"type", "index", "delta"})) {
      return BadMessage("a delta of no block");
    }
    const std::string_view type = FindText(*delta, "type");
    const std::string_view block_type = FindText(block->value, "type");
    if (type == "text_delta" && block_type == "text") {
      return AddText(*delta, "text", &block->value);
    }
    if (type == "thinking_delta" && block_type == "thinking") {
      return AddText(*delta, "thinking", &block->value);
    }
    if (type == "signature_delta" && block_type == "thinking" &&
        FindMember(*delta, "signature") != nullptr && HasOnly(*delta, {"type", "signature"})) {
      block->value["signature"] = *FindMember(*delta, "signature");  // replaces
      return Status();
    }
    if (type == "citations_delta" && block_type == "text" &&
        FindMember(*delta, "citation") != nullptr && HasOnly(*delta, {"type", "citation"})) {
      AnswerJson citations = AnswerJson::array();
      citations.push_back(*FindMember(*delta, "citation"));
      return JoinArray(&block->value, "citations", citations);
    }
    if (type == "input_json_delta" && FindMember(block->value, "input") != nullptr &&
        HasOnly(*delta, {"type", "partial_json"})) {
      block->input += FindText(*delta, "partial_json");
      return Status();
    }
    return BadMessage("a delta that is not known");
  }

  static Status AddText(const AnswerJson& delta, const std::string& key, AnswerJson* block) {
    const AnswerJson* text = FindMember(delta, key);
    // The number of tokens that thinking may have had is for progress only.
    if (text == nullptr || !HasOnly(delta, {"type", key, "estimated_tokens"})) {
      return BadMessage("a delta that is not known");
    }
    return JoinText(block, key, *text);
  }

  Status StopBlock(const AnswerJson& data) {
    Block* block = FindBlock(data);
    if (block == nullptr || !HasOnly(data, {"type", "index"})) {
      return BadMessage("an end of no block");
    }
    block->open = false;
    --open_blocks_;
    if (block->input.empty()) {
      return Status();
    }
    if (!SaysNothing(block->value["input"])) {
      return BadMessage("the input of a tool twice");
    }
    NEARHIT_ASSIGN_OR_RETURN(block->value["input"], ParseAnswerJson(block->input, kMaxEventDepth));
    return Status();
  }

  Status AddMessageDelta(const AnswerJson& data) {
    if (!HasOnly(data, {"type", "delta", "usage", "context_management", "input_transformations"})) {
      return BadMessage("a message_delta that is not known");
    }
    if (const AnswerJson* delta = FindMember(data, "delta")) {
      if (!HasOnly(*delta, {"stop_reason", "stop_sequence", "stop_details", "container"})) {
        return BadMessage("a message_delta that is not known");
      }
      Overwrite(&*message_, *delta);
    }
    for (const char* key : {"context_management", "input_transformations"}) {
      if (const AnswerJson* value = FindMember(data, key)) {
        NEARHIT_RETURN_IF_ERROR(KeepMember(&*message_, key, *value));
      }
    }
    const AnswerJson* usage = FindMember(data, "usage");
    if (usage == nullptr || usage->empty()) {
      return Status();
    }
    const AnswerJson* before = FindValue(*message_, "usage");
    if (!usage->is_object() || (before != nullptr && !before->is_object())) {
      return BadMessage("usage that is no object");
    }
    AnswerJson& total = (*message_)["usage"];
    if (total.size() + usage->size() > kMaxMembers) {
      return BadMessage("usage of too many members");
    }
    Overwrite(&total, *usage);
    return Status();
  }

  std::optional<AnswerJson> message_;  // since its start
  std::vector<Block> blocks_;
  std::size_t open_blocks_ = 0;
  bool stopped_ = false;
};

class MessageWriter {
 public:
  void Add(AnswerJson data) {
    std::string name(FindText(data, "type"));
    events_.push_back({std::move(name), DumpJson(data)});
  }

  // `start` is the block before its deltas.
  void StartBlock(AnswerJson start) {
    AnswerJson data = {{"type", "content_block_start"}, {"index", index_}};
    data["content_block"] = std::move(start);
    Add(std::move(data));
  }
  void AddDelta(std::string_view type, std::string_view key, AnswerJson value) {
    AnswerJson data = {{"type", "content_block_delta"}, {"index", index_}};
    data["delta"]["type"] = std::string(type);
    data["delta"][std::string(key)] = std::move(value);
    Add(std::move(data));
  }
  void StopBlock() { Add({{"type", "content_block_stop"}, {"index", index_++}}); }

  std::vector<SseEvent> Take() { return std::move(events_); }

 private:
  std::size_t index_ = 0;
  std::vector<SseEvent> events_;
};

// Gives out the text at `key` for a delta, and leaves an empty one.
AnswerJson TakeText(AnswerJson* block, const std::string& key) {
  const AnswerJson* text = FindMember(*block, key);
  if (text == nullptr || !text->is_string() || SaysNothing(*text)) {
    return nullptr;
  }
  return std::exchange((*block)[key], AnswerJson(""));
}

void WriteBlock(const AnswerJson& block, MessageWriter* writer) {
  AnswerJson start = block;
  const std::string_view type = FindText(block, "type");
  if (type == "text") {
    const AnswerJson text = TakeText(&start, "text");
    const AnswerJson* citations = FindMember(block, "citations");
    const bool cited = citations != nullptr && citations->is_array();
    if (cited) {
      start["citations"] = AnswerJson::array();
    }
    writer->StartBlock(std::move(start));
    for (std::size_t i = 0; cited && i < citations->size(); ++i) {
      writer->AddDelta("citations_delta", "citation", (*citations)[i]);
    }
    if (!text.is_null()) {
      writer->AddDelta("text_delta", "text", text);
    }
  } else if (type == "thinking") {
    const AnswerJson thinking = TakeText(&start, "thinking");
    const AnswerJson signature = TakeText(&start, "signature");
    writer->StartBlock(std::move(start));
    if (!thinking.is_null()) {
      writer->AddDelta("thinking_delta", "thinking", thinking);
    }
    if (!signature.is_null()) {
      writer->AddDelta("signature_delta", "signature", signature);
    }
  } else if (const AnswerJson* input = FindMember(block, "input"); input != nullptr) {
    start["input"] = AnswerJson::object();
    writer->StartBlock(std::move(start));
    writer->AddDelta("input_json_delta", "partial_json", DumpJson(*input));
  } else {
    writer->StartBlock(std::move(start));
  }
  writer->StopBlock();
}

}  // namespace

Result<AnswerJson> MessagesBody(std::span<const SseEvent> events) {
  MessageReader reader;
  for (const SseEvent& event : events) {
    if (!event.name.empty() || !event.data.empty()) {  // no comment
      NEARHIT_RETURN_IF_ERROR(reader.Add(event));
    }
  }
  if (!reader.stopped()) {
    return BadMessage("no end");
  }
  return reader.Take();
}

Result<std::vector<SseEvent>> MessagesEvents(const AnswerJson& body) {
  const AnswerJson* content = FindMember(body, "content");
  if (FindText(body, "type") != "message" || content == nullptr || !content->is_array()) {
    return BadMessage("a body that is no message");
  }
  MessageWriter writer;
  AnswerJson start = body;
  start["content"] = AnswerJson::array();
  AnswerJson delta = {{"type", "message_delta"}};
  delta["delta"] = AnswerJson::object();
  for (const char* key : {"stop_reason", "stop_sequence", "stop_details", "container"}) {
    if (const AnswerJson* value = FindMember(body, key)) {
      delta["delta"][key] = *value;
      start[key] = nullptr;
    }
  }
  // Clients add up or overwrite the tokens of both events; those of the start are none yet.
  const AnswerJson* usage = FindMember(body, "usage");
  if (usage != nullptr && FindValue(*usage, "output_tokens") != nullptr) {
    delta["usage"]["output_tokens"] = *FindMember(*usage, "output_tokens");
    start["usage"]["output_tokens"] = 0;
  }
  AnswerJson first = {{"type", "message_start"}};
  first["message"] = std::move(start);
  writer.Add(std::move(first));
  for (const AnswerJson& block : *content) {
    WriteBlock(block, &writer);
  }
  writer.Add(std::move(delta));
  writer.Add({{"type", "message_stop"}});
  return writer.Take();
}

}  // namespace nearhit::server
