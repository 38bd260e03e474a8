#include "tests/server/dialect/request_json_fields.h"

#include <utility>

namespace nearhit::server {
namespace {

constexpr std::string_view kTool =
    R"([{"type":"function","function":{"name":"f","parameters":{"cache_control":{"type":"x"}}}}])";

std::vector<Field> WithSampling(std::vector<Field> fields) {
  static const std::vector<Field> sampling = {
      {"temperature", {"0", "0.5", "1", "null"}},
      {"top_p", {"0.1", "1"}},
      {"n", {"1", "2", "null"}},
      {"seed", {"1", "2", "9007199254740992"}},
      {"max_tokens", {"1", "100"}},
      {"stop", {R"("a")", R"(["a","b"])", R"(["b","a"])", "null"}},
      {"frequency_penalty", {"0", "0.25"}},
      {"presence_penalty", {"0", "-0.25"}},
      {"logit_bias", {R"({"1":-1})", R"({"1":1})", "{}"}},
      {"unknown_field", {"1", R"({"a":[1,{"b":null}]})", "true"}},
  };
  fields.insert(fields.end(), sampling.begin(), sampling.end());
  return fields;
}

std::vector<Field> WithStream(std::vector<Field> fields) {
  static const std::vector<Field> stream = {
      {"stream", {"true", "false"}},
      {"stream_options", {R"({"include_usage":true})", "{}", "null"}},
      {"cache", {R"({"ttl":5})", "{}", R"({"no-store":true})"}},
  };
  fields.insert(fields.end(), stream.begin(), stream.end());
  return fields;
}

Fields ChatFields() {
  return {.key = WithSampling(
              {{"model", {R"("m")", R"("m2")", R"("gpt-4o-search-preview")"}},
               {"max_completion_tokens", {"1", "100"}},
               {"logprobs", {"true", "false"}},
               {"top_logprobs", {"0", "2"}},
               {"response_format",
                {R"({"type":"text"})", R"({"type":"json_schema","json_schema":{"schema":)"
                                       R"({"properties":{"cache_control":{"type":"string"}}}}})"}},
               {"reasoning_effort", {R"("low")", R"("high")"}},
               {"verbosity", {R"("low")", R"("high")"}},
               {"modalities", {R"(["text"])", R"(["text","audio"])", "null"}},
               {"audio", {R"({"voice":"a"})", "{}"}},
               {"prediction", {R"({"type":"content","content":"x"})"}},
               {"tools",
                {kTool, "[]", R"([{"type":"custom","custom":{"name":"g"}}])",
                 R"([{"type":"web_search"}])"}},
               {"tool_choice", {R"("auto")", R"("none")"}},
               {"parallel_tool_calls", {"true", "false"}},
               {"functions", {R"([{"name":"f"}])"}},
               {"function_call", {R"("auto")"}},
               {"moderation", {R"({"model":"m"})"}},
               {"store", {"true", "false", "null"}},
               {"web_search_options", {"{}", R"({"search_context_size":"low"})", "null"}}}),
          .ignored = WithStream({{"user", {R"("a")", R"("b")"}},
                                 {"metadata", {R"({"a":"b"})", "null"}},
                                 {"safety_identifier", {R"("a")", R"("b")"}},
                                 {"prompt_cache_key", {R"("a")", R"("b")"}},
                                 {"prompt_cache_options", {R"({"mode":"x"})"}},
                                 {"prompt_cache_retention", {R"("24h")"}},
                                 {"service_tier", {R"("auto")", R"("flex")"}}})};
}

Fields CompletionsFields() {
  return {.key = WithSampling({{"model", {R"("m")", R"("m2")"}},
                               {"best_of", {"1", "2"}},
                               {"echo", {"true", "false"}},
                               {"suffix", {R"("s")", R"("")"}},
                               {"logprobs", {"0", "2", "null"}}}),
          .ignored = WithStream({{"user", {R"("a")", R"("b")"}},
                                 {"metadata", {R"({"a":"b"})"}},
                                 {"safety_identifier", {R"("a")"}},
                                 {"service_tier", {R"("auto")"}}})};
}

Fields ResponsesFields() {
  return {.key = WithSampling({{"model", {R"("m")", R"("m2")"}},
                               {"instructions", {R"("a")", R"("b")"}},
                               {"reasoning", {R"({"effort":"low"})", "{}"}},
                               {"text", {R"({"verbosity":"low"})"}},
                               {"include", {R"(["reasoning.encrypted_content"])"}},
                               {"previous_response_id", {R"("resp_1")", R"("resp_2")", "null"}},
                               {"conversation", {R"("conv_1")", R"({"id":"conv_2"})"}},
                               {"background", {"true", "false"}},
                               {"prompt", {R"({"id":"p"})"}},
                               {"truncation", {R"("auto")"}},
                               {"store", {"true", "false"}},
                               {"tools",
                                {R"([{"type":"function","name":"f","parameters":{}}])",
                                 R"([{"type":"web_search"}])"}},
                               {"user", {R"("a")", R"("b")"}},
                               {"metadata", {R"({"a":"b"})", R"({"a":"c"})"}},
                               {"safety_identifier", {R"("a")"}},
                               {"prompt_cache_key", {R"("a")"}},
                               {"service_tier", {R"("auto")"}},
                               {"context_management", {R"([{"type":"compaction"}])"}}}),
          .ignored = WithStream({})};
}

Fields MessagesFields() {
  return {.key = WithSampling(
              {{"model", {R"("m")", R"("m2")"}},
               {"system",
                {R"("a")", R"("b")", R"([{"type":"text","text":"a"}])",
                 R"([{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}])"}},
               {"top_k", {"1", "2"}},
               {"stop_sequences", {R"(["a"])", "[]"}},
               {"thinking", {R"({"type":"enabled","budget_tokens":1})"}},
               {"tools",
                {R"([{"name":"f","input_schema":{"properties":{"cache_control":{}}}}])",
                 R"([{"name":"f","input_schema":{},"cache_control":{"type":"x"}}])",
                 R"([{"type":"web_search_20250305","name":"web_search"}])"}},
               {"tool_choice", {R"({"type":"auto"})"}},
               {"output_config", {R"({"effort":"low"})"}},
               {"inference_geo", {R"("us")", R"("eu")"}},
               {"container", {R"("c")", "{}"}},
               {"context_management", {"{}", R"({"edits":[]})"}},
               {"mcp_servers", {"[]", R"([{"name":"a"}])"}},
               {"fallbacks", {R"([{"model":"x"}])"}},
               {"fallback_credit_token", {R"("t")"}},
               {"diagnostics", {R"({"previous_message_id":"m"})"}}}),
          .ignored = {{"cache", {R"({"ttl":5})"}},
                      {"cache_control", {R"({"type":"ephemeral"})", R"({"type":"x"})"}},
                      {"metadata", {R"({"user_id":"a"})", R"({"user_id":"b"})"}},
                      {"service_tier", {R"("auto")"}},
                      {"speed", {R"("fast")", R"("standard")"}},
                      {"stream", {"true", "false"}}}};
}

}  // namespace

const Fields& FieldsOf(Endpoint endpoint) {
  static const Fields chat = ChatFields();
  static const Fields completions = CompletionsFields();
  static const Fields responses = ResponsesFields();
  static const Fields messages = MessagesFields();
  switch (endpoint) {
    case Endpoint::kChat:
      return chat;
    case Endpoint::kCompletions:
      return completions;
    case Endpoint::kResponses:
      return responses;
    default:
      return messages;
  }
}

}  // namespace nearhit::server
