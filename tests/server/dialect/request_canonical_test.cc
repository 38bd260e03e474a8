#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "server/dialect/request_plan.h"

namespace nearhit::server {
namespace {

RequestPlan PlanOf(Endpoint endpoint, std::string body) {
  RequestPlanner planner;
  return planner.Plan(endpoint, {}, &body);
}

std::string Chat(std::string_view messages, std::string_view more = "") {
  return R"({"model":"m","messages":[)" + std::string(messages) + "]" + std::string(more) + "}";
}

constexpr std::string_view kHello = R"({"role":"user","content":"hello"})";

bool IsSame(std::string_view one, std::string_view two, Endpoint endpoint = Endpoint::kMessages) {
  const RequestPlan a = PlanOf(endpoint, std::string(one));
  const RequestPlan b = PlanOf(endpoint, std::string(two));
  EXPECT_NE(a.reason, "unparsable");
  return a.canonical == b.canonical && a.slot == b.slot;
}

TEST(Canonical, HasOneFormForEachNumber) {
  const auto number = [](std::string_view text) {
    return Chat(kHello, ",\"x\":" + std::string(text));
  };
  const std::vector<std::vector<std::string_view>> groups = {
      {"1", "1.0", "1e0", "10e-1", "0.1E+1"},
      {"0", "-0", "0.0", "-0.0", "0e9"},
      {"-5", "-5.0"},
      {"0.1", "1e-1", "0.10"},
      {"0.5", "5e-1"},
      {"9007199254740992", "9007199254740992.0"},
      {"9007199254740993"},
      {"10000000000000000", "1e16", "1.0e16"},
      {"-10000000000000000", "-1e16"},
      {"9223372036854775807"},
      {"9223372036854775808", "9223372036854775808.0"},
      {"18446744073709551615"},
      {"1e20", "100e18"},
      {"1e300"},
      {"\"1\""},
      {"true"},
      {"null"},
      {"[1]"},
  };
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (std::size_t j = 0; j < groups.size(); ++j) {
      for (const std::string_view a : groups[i]) {
        for (const std::string_view b : groups[j]) {
          EXPECT_EQ(IsSame(number(a), number(b)), i == j) << a << " " << b;
        }
      }
    }
  }
}

TEST(Canonical, LeavesMarksForTheProvidersCacheOut) {
  const auto request = [](std::string_view mark) {
    const std::string m(mark);
    return R"({"model":"m","system":[{"type":"text","text":"s")" + m +
           R"(}],"tools":[{"name":"f","input_schema":{})" + m +
           R"(}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t",)" +
           R"("content":[{"type":"text","text":"r")" + m + "}]" + m +
           R"(},{"type":"text","text":"hello")" + m + "}]" + m + "}]}";
  };
  EXPECT_TRUE(IsSame(request(""), request(R"(,"cache_control":{"type":"ephemeral"})")));
  EXPECT_TRUE(IsSame(request(""), request(R"(,"prompt_cache_breakpoint":true)"), Endpoint::kChat));
  EXPECT_FALSE(IsSame(request(""), request(R"(,"cache_contro":{})")));
}

TEST(Canonical, KeepsWhatOnlyLooksLikeAMark) {
  const auto message = [](std::string_view part) {
    return Chat(R"({"role":"assistant","content":[)" + std::string(part) + "]}," +
                std::string(kHello));
  };
  EXPECT_FALSE(IsSame(message(R"({"type":"tool_use","id":"t","name":"f","input":{}})"),
                      message(R"({"type":"tool_use","id":"t","name":"f",)"
                              R"("input":{"cache_control":"no-store"}})")));
  EXPECT_FALSE(IsSame(message(R"({"type":"tool_use","id":"t","input":{"content":[{"a":1}]}})"),
                      message(R"({"type":"tool_use","id":"t",)"
                              R"("input":{"content":[{"a":1,"cache_control":"x"}]}})")));
  EXPECT_FALSE(IsSame(Chat(kHello, R"(,"tools":[{"name":"f","input_schema":{"properties":{}}}])"),
                      Chat(kHello, R"(,"tools":[{"name":"f","input_schema":)"
                                   R"({"properties":{"cache_control":{}}}}])")));
  EXPECT_FALSE(IsSame(Chat(kHello, R"(,"response_format":{"schema":{}})"),
                      Chat(kHello, R"(,"response_format":{"schema":{"cache_control":1}})")));
}

// Two messages that providers would refuse, or read in their own way: each is in the key.
TEST(Canonical, KeepsAllThatIsNotTheSlot) {
  EXPECT_FALSE(IsSame(Chat(R"({"role":"user","content":{"text":"a"}})"),
                      Chat(R"({"role":"user","content":{"text":"b"}})")));
  EXPECT_FALSE(
      IsSame(Chat(R"({"role":"user","content":null})"), Chat(R"({"role":"user","content":""})")));
  EXPECT_FALSE(IsSame(Chat(R"({"role":"user","content":[{"type":"text","text":["a"]}]})"),
                      Chat(R"({"role":"user","content":[{"type":"text","text":["b"]}]})")));
  EXPECT_FALSE(IsSame(Chat(R"("x",{"role":"user","content":"a"},{"role":"user","content":"c"})"),
                      Chat(R"("x",{"role":"user","content":"b"},{"role":"user","content":"c"})")));
  EXPECT_FALSE(IsSame(Chat(R"({"role":"tool","tool_call_id":"a","content":"c"})"),
                      Chat(R"({"role":"tool","tool_call_id":"b","content":"c"})")));
}

// NadirClaw 90 left the id of a call out: the results of two calls were one.
TEST(Canonical, TellsResultsOfDifferentCallsApart) {
  for (const std::string_view name : {"tool_call_id", "name"}) {
    const auto result = [name](std::string_view value) {
      return Chat(R"({"role":"tool",")" + std::string(name) + R"(":")" + std::string(value) +
                  R"(","content":"12"})");
    };
    EXPECT_FALSE(IsSame(result("a"), result("b"), Endpoint::kChat)) << name;
  }
  const auto call = [](std::string_view id) {
    return Chat(R"({"role":"assistant","content":null,"tool_calls":[{"id":")" + std::string(id) +
                R"(","type":"function","function":{"name":"f","arguments":"{}"}}]},)" +
                std::string(kHello));
  };
  EXPECT_FALSE(IsSame(call("a"), call("b"), Endpoint::kChat));
  const auto used = [](std::string_view id) {
    return Chat(R"({"role":"user","content":[{"type":"tool_result","tool_use_id":")" +
                std::string(id) + R"(","content":"12"},{"type":"text","text":"hello"}]})");
  };
  EXPECT_FALSE(IsSame(used("a"), used("b")));
  const auto output = [](std::string_view id) {
    return R"({"model":"m","input":[{"type":"function_call_output","call_id":")" + std::string(id) +
           R"(","output":"12"}]})";
  };
  EXPECT_FALSE(IsSame(output("a"), output("b"), Endpoint::kResponses));
}

TEST(Canonical, TellsWhatWasSaidBeforeApart) {
  for (const std::string_view role : {"system", "developer", "user", "assistant"}) {
    const auto after = [role](std::string_view text) {
      return Chat(R"({"role":")" + std::string(role) + R"(","content":")" + std::string(text) +
                  R"("},)" + std::string(kHello));
    };
    EXPECT_FALSE(IsSame(after("a"), after("b"), Endpoint::kChat)) << role;
    EXPECT_FALSE(IsSame(after("a"), Chat(kHello), Endpoint::kChat)) << role;
  }
  EXPECT_FALSE(IsSame(Chat(kHello, R"(,"system":"a")"), Chat(kHello, R"(,"system":"b")")));
  const auto instructed = [](std::string_view text) {
    return R"({"model":"m","input":"hello","instructions":")" + std::string(text) + R"("})";
  };
  EXPECT_FALSE(IsSame(instructed("a"), instructed("b"), Endpoint::kResponses));
}

// What providers document to shape an answer, and what nobody knows.
TEST(Canonical, KeepsEveryMemberThatShapesAnAnswer) {
  const auto differ = [](Endpoint endpoint, std::string_view name) {
    const auto with = [name](std::string_view value) {
      return R"({"model":"m","messages":[)" + std::string(kHello) +
             R"(],"input":"hello","prompt":"hello",")" + std::string(name) + R"(":{"x":")" +
             std::string(value) + R"("}})";
    };
    EXPECT_FALSE(IsSame(with("a"), with("b"), endpoint)) << name;
  };
  for (const std::string_view name :
       {"temperature", "response_format", "tools", "tool_choice", "parallel_tool_calls",
        "functions", "function_call", "reasoning_effort", "verbosity", "moderation",
        "inference_geo", "unknown"}) {
    differ(Endpoint::kChat, name);
  }
  for (const std::string_view name : {"suffix", "echo", "best_of", "logprobs", "unknown"}) {
    differ(Endpoint::kCompletions, name);
  }
  for (const std::string_view name :
       {"include", "reasoning", "text", "truncation", "tools", "tool_choice", "max_tool_calls",
        "metadata", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "service_tier", "unknown"}) {
    differ(Endpoint::kResponses, name);
  }
  for (const std::string_view name :
       {"thinking", "output_config", "output_format", "inference_geo", "fallbacks", "tools",
        "tool_choice", "top_k", "context_management", "unknown"}) {
    differ(Endpoint::kMessages, name);
    differ(Endpoint::kCountTokens, name);
  }
}

TEST(Canonical, LeavesMarksInInputsOfResponsesOut) {
  const auto input = [](std::string_view mark) {
    return R"({"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"a")" +
           std::string(mark) + R"(},{"type":"input_image","image_url":"data:,")" +
           std::string(mark) + "}]}]}";
  };
  EXPECT_TRUE(IsSame(input(""), input(R"(,"prompt_cache_breakpoint":{"mode":"explicit"})"),
                     Endpoint::kResponses));
}

}  // namespace
}  // namespace nearhit::server
