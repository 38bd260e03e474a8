// Answers of OpenAI's /v1/responses.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "server/dialect/answer_dialects.h"

namespace nearhit::server {
namespace {

Status BadResponse(std::string_view what) {
  return FailedPrecondition("response has " + std::string(what));
}

bool IsReasoningItem(const AnswerJson& item) {
  return FindText(item, "type") == "reasoning";
}

void InspectStatus(const AnswerJson& body, AnswerFacts* facts) {
  const std::string_view status = FindText(body, "status");
  if (status == "failed") {
    Refuse(kError, facts);
  } else if (const AnswerJson* details = FindValue(body, "incomplete_details")) {
    const std::string_view reason = FindText(*details, "reason");
    Refuse(reason == "max_output_tokens" ? kLength
           : reason == kContentFilter    ? kContentFilter
                                         : kIncomplete,
           facts);
  } else if (status != "completed") {
    Refuse(kIncomplete, facts);
  }
  if (HasTruth(body, "background") || HasTruth(body, "previous_response_id") ||
      HasTruth(body, "conversation") || HasTruth(body, "prompt")) {
    Refuse(kServerState, facts);
  }
}

void InspectPart(const AnswerJson& part, AnswerFacts* facts) {
  const std::string_view type = FindText(part, "type");
  const AnswerJson* text = FindMember(part, "text");
  if (type == "refusal") {
    Refuse(kRefusal, facts);
  } else if (type != "output_text" || text == nullptr || !text->is_string()) {
    Refuse(kUnknownShape, facts);
  } else if (HasTruth(part, "annotations")) {
    Refuse(kFreshData, facts);  // sources, or files that the server keeps
  }
}

void InspectMessageItem(const AnswerJson& item, AnswerFacts* facts) {
  const AnswerJson* content = FindMember(item, "content");
  if (content == nullptr || !content->is_array()) {
    Refuse(kUnknownShape, facts);
    return;
  }
  for (const AnswerJson& part : *content) {
    InspectPart(part, facts);
  }
  if (content->empty()) {
    Refuse(kEmpty, facts);
  }
  if (FindText(item, "status") != "completed") {
    Refuse(kIncomplete, facts);
  }
  facts->text_only &= !FindText(item, "id").empty();  // which events of a stream need
}

// Items that are neither messages nor reasoning.
void InspectCallItem(std::string_view type, AnswerFacts* facts) {
  constexpr std::array<std::string_view, 5> kCallersTools = {
      "function_call", "custom_tool_call", "computer_call", "local_shell_call", "apply_patch_call"};
  if (std::find(kCallersTools.begin(), kCallersTools.end(), type) != kCallersTools.end()) {
    Refuse(kToolCall, facts);
  } else if (type == "compaction") {
    Refuse(kServerState, facts);
  } else if (type.ends_with("_call") || type.ends_with("_call_output") ||
             type.starts_with("mcp_")) {
    Refuse(kFreshData, facts);
  } else {
    Refuse(kUnknownShape, facts);
  }
}

// The members of an event that are the same for a part of an item.
AnswerJson PartEvent(std::string_view type, const AnswerJson& item, std::size_t output_index,
                     std::size_t content_index) {
  AnswerJson event = {{"type", std::string(type)}};
  event["item_id"] = item["id"];
  event["output_index"] = output_index;
  event["content_index"] = content_index;
  return event;
}

class ResponseWriter {
 public:
  void Add(AnswerJson event) {
    event["sequence_number"] = events_.size();
    std::string name(FindText(event, "type"));
    events_.push_back({std::move(name), DumpJson(event)});
  }

  void AddSnapshot(std::string_view type, const AnswerJson& response) {
    AnswerJson event = {{"type", std::string(type)}};
    event["response"] = response;
    Add(std::move(event));
  }

  Status AddItem(const AnswerJson& item, std::size_t index) {
    const AnswerJson* content = FindMember(item, "content");
    if (FindText(item, "type") != "message" || FindText(item, "status") != "completed" ||
        FindText(item, "id").empty() || content == nullptr || !content->is_array()) {
      return BadResponse("an item that is no finished message");
    }
    AnswerJson started = item;
    started["status"] = "in_progress";
    started["content"] = AnswerJson::array();
    AddItemEvent("response.output_item.added", std::move(started), index);
    std::size_t content_index = 0;
    for (const AnswerJson& part : *content) {
      NEARHIT_RETURN_IF_ERROR(AddPart(item, index, part, content_index++));
    }
    AddItemEvent("response.output_item.done", item, index);
    return Status();
  }

  std::vector<SseEvent> Take() { return std::move(events_); }

 private:
  void AddItemEvent(std::string_view type, AnswerJson item, std::size_t index) {
    AnswerJson event = {{"type", std::string(type)}, {"output_index", index}};
    event["item"] = std::move(item);
    Add(std::move(event));
  }

  Status AddPart(const AnswerJson& item, std::size_t index, const AnswerJson& part,
                 std::size_t content_index) {
    const AnswerJson* text = FindMember(part, "text");
    if (FindText(part, "type") != "output_text" || text == nullptr || !text->is_string() ||
        HasTruth(part, "annotations")) {
      return BadResponse("a part that is more than text");
    }
    const AnswerJson* given = FindValue(part, "logprobs");
    const AnswerJson logprobs = given == nullptr ? AnswerJson::array() : *given;

    AnswerJson added = PartEvent("response.content_part.added", item, index, content_index);
    added["part"] = part;
    added["part"]["text"] = "";
    if (given != nullptr) {
      added["part"]["logprobs"] = AnswerJson::array();
    }
    Add(std::move(added));
    if (!SaysNothing(*text)) {
      AnswerJson delta = PartEvent("response.output_text.delta", item, index, content_index);
      delta["delta"] = *text;
      delta["logprobs"] = logprobs;
      Add(std::move(delta));
    }
    AnswerJson done = PartEvent("response.output_text.done", item, index, content_index);
    done["text"] = *text;
    done["logprobs"] = logprobs;
    Add(std::move(done));
    AnswerJson part_done = PartEvent("response.content_part.done", item, index, content_index);
    part_done["part"] = part;
    Add(std::move(part_done));
    return Status();
  }

  std::vector<SseEvent> events_;
};

// The response before any output.
AnswerJson Started(const AnswerJson& body) {
  AnswerJson started = body;
  started["status"] = "in_progress";
  started["output"] = AnswerJson::array();
  for (const char* key : {"usage", "completed_at"}) {
    if (FindMember(body, key) != nullptr) {
      started[key] = nullptr;
    }
  }
  return started;
}

// Each finished item has to be the one that the whole response has.
class ResponseReader {
 public:
  Status Add(const SseEvent& event) {
    if (response_.has_value()) {
      return BadResponse("events after its end");
    }
    NEARHIT_ASSIGN_OR_RETURN(AnswerJson data, ParseAnswerJson(event.data, kMaxEventDepth));
    const std::string_view type = FindText(data, "type");
    if (type.empty() || (!event.name.empty() && event.name != type)) {
      return BadResponse("an event of another name than its type");
    }
    if (begun_ == (type == "response.created")) {
      return BadResponse("no beginning");
    }
    begun_ = true;
    if (type == "error" || type == "response.failed") {
      return BadResponse("an error");
    }
    if (type == "response.output_item.done") {
      items_.push_back(std::move(data));
    } else if (type == "response.completed" || type == "response.incomplete") {
      const AnswerJson* response = FindMember(data, "response");
      if (response == nullptr || !response->is_object()) {
        return BadResponse("an end without response");
      }
      response_ = *response;
    }
    return Status();
  }

  Result<AnswerJson> Finish() {
    const AnswerJson* output = response_.has_value() ? FindMember(*response_, "output") : nullptr;
    if (output == nullptr || !output->is_array()) {
      return BadResponse("no end");
    }
    std::vector<bool> seen(output->size(), false);
    for (const AnswerJson& event : items_) {
      const AnswerJson* index = FindMember(event, "output_index");
      const AnswerJson* item = FindMember(event, "item");
      if (index == nullptr || !index->is_number_unsigned() || item == nullptr ||
          index->get<std::uint64_t>() >= seen.size() ||
          !SameJson(*item, (*output)[index->get<std::size_t>()])) {
        return BadResponse("an item that differs at the end");
      }
      seen[index->get<std::size_t>()] = true;
    }
    if (std::find(seen.begin(), seen.end(), false) != seen.end()) {
      return BadResponse("an item that was not sent");
    }
    return *std::move(response_);
  }

 private:
  bool begun_ = false;
  std::optional<AnswerJson> response_;
  std::vector<AnswerJson> items_;
};

}  // namespace

void InspectResponses(const AnswerJson& body, AnswerFacts* facts) {
  const AnswerJson* output = FindMember(body, "output");
  if (FindText(body, "object") != "response" || output == nullptr || !output->is_array()) {
    Refuse(kUnknownShape, facts);
    return;
  }
  InspectStatus(body, facts);
  facts->text_only = true;
  bool has_text = false;
  for (const AnswerJson& item : *output) {
    const std::string_view type = FindText(item, "type");
    if (type == "message") {
      has_text = true;
      InspectMessageItem(item, facts);
    } else if (IsReasoningItem(item)) {
      facts->has_reasoning = true;
    } else {
      InspectCallItem(type, facts);
    }
  }
  if (!has_text) {
    Refuse(kEmpty, facts);
  }
  // Reasoning has events of its own, which are not written.
  facts->text_only &= facts->refusal_to_store.empty() && !facts->has_reasoning;
}

Result<AnswerJson> ResponsesBody(std::span<const SseEvent> events) {
  ResponseReader reader;
  for (const SseEvent& event : events) {
    if ((!event.name.empty() || !event.data.empty()) && event.data != "[DONE]") {
      NEARHIT_RETURN_IF_ERROR(reader.Add(event));
    }
  }
  return reader.Finish();
}

Result<std::vector<SseEvent>> ResponsesEvents(const AnswerJson& body) {
  const AnswerJson* output = FindMember(body, "output");
  if (FindText(body, "object") != "response" || FindText(body, "status") != "completed" ||
      output == nullptr || !output->is_array()) {
    return BadResponse("no complete output");
  }
  const AnswerJson started = Started(body);
  ResponseWriter writer;
  writer.AddSnapshot("response.created", started);
  writer.AddSnapshot("response.in_progress", started);
  std::size_t index = 0;
  for (const AnswerJson& item : *output) {
    NEARHIT_RETURN_IF_ERROR(writer.AddItem(item, index++));
  }
  writer.AddSnapshot("response.completed", body);
  return writer.Take();
}

Result<bool> EraseResponsesReasoning(AnswerJson* body) {
  const AnswerJson* output = FindMember(*body, "output");
  if (output == nullptr || !output->is_array()) {
    return InvalidArgument("response has no output");
  }
  auto* items = (*body)["output"].get_ptr<AnswerJson::array_t*>();
  return std::erase_if(*items, IsReasoningItem) > 0;
}

}  // namespace nearhit::server
