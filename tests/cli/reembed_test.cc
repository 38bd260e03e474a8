// ns reembed against a daemon in memory, with an endpoint that answers as the test says.

#include <atomic>
#include <string>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"
#include "tests/support/fake_http_server.h"

namespace nearhit {
namespace {

using testing::HasSubstr;

class ReembedCommandTest : public CliFixture {
 protected:
  // As many vectors of dimension 2 as there are texts.
  FakeHttpAnswer Answer(const FakeHttpRequest& request) const {
    if (down_) {
      return {.status = 401};
    }
    nlohmann::json answer;
    const auto asked = nlohmann::json::parse(request.body);
    for (std::size_t i = 0; i < asked["input"].size(); ++i) {
      answer["data"].push_back({{"index", i}, {"embedding", {1.0, 0.0}}});
    }
    return {.status = 200, .headers = {}, .body = answer.dump()};
  }
  int Reembed(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"ns",
                                          "reembed",
                                          "faq",
                                          "--embedder",
                                          "http",
                                          "--embedder-model",
                                          "m",
                                          "--dimension",
                                          "2",
                                          "--embedder-url",
                                          endpoint_.url() + "/v1/embeddings"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments);
  }

  std::atomic<bool> down_{false};
  FakeHttpServer endpoint_{
      [this](const FakeHttpRequest& request, std::size_t) { return Answer(request); }};
};

TEST_F(ReembedCommandTest, WaitsUntilTheNamespaceHasSwitched) {
  ASSERT_EQ(Run({"store", "-n", "faq", "how do I reset my password", "answer"}), 0);
  EXPECT_EQ(Reembed({"--wait"}), 0) << err_;
  EXPECT_EQ(out_, "has http/m/2\n");
  ASSERT_EQ(Run({"ns", "describe", "faq"}), 0);
  EXPECT_THAT(out_, HasSubstr("http/m/2"));
  EXPECT_THAT(out_, testing::Not(HasSubstr("reembedding")));
  EXPECT_EQ(Run({"lookup", "-n", "faq", "anything else"}), 0);
  EXPECT_EQ(Reembed({"--wait"}), 0);
  EXPECT_EQ(out_, "has http/m/2\n");
}

TEST_F(ReembedCommandTest, ShowsAChangeThatFailsAndCanBeCancelled) {
  ASSERT_EQ(Run({"store", "-n", "faq", "how do I reset my password", "answer"}), 0);
  down_ = true;
  EXPECT_EQ(Reembed(), 0);
  EXPECT_EQ(out_, "on its way to http/m/2\n");
  EXPECT_EQ(Reembed({"--wait", "--give-up", "0.1"}), 4);
  EXPECT_THAT(err_, HasSubstr("answered 401"));
  ASSERT_EQ(Run({"--json", "ns", "describe", "faq"}), 0);
  const auto info = nlohmann::json::parse(out_);
  EXPECT_EQ(info["embedder"], "lexical/v1/384");
  EXPECT_EQ(info["reembedding"]["embedder"], "http/m/2");
  EXPECT_EQ(info["reembedding"]["done"], 0);
  EXPECT_EQ(info["reembedding"]["total"], 1);
  EXPECT_THAT(info["reembedding"]["last_error"].get<std::string>(), HasSubstr("answered 401"));
  ASSERT_EQ(Run({"ns", "list"}), 0);
  EXPECT_THAT(out_, HasSubstr("lexical/v1/384 -> http/m/2"));
  EXPECT_EQ(Run({"ns", "reembed", "faq", "--embedder", "lexical"}), 0) << err_;
  EXPECT_EQ(out_, "has lexical/v1/384\n");
  ASSERT_EQ(Run({"ns", "describe", "faq"}), 0);
  EXPECT_THAT(out_, testing::Not(HasSubstr("reembedding")));
}

TEST_F(ReembedCommandTest, WhatIsRefusedSaysSo) {
  EXPECT_EQ(Run({"ns", "reembed", "faq", "--embedder", "http"}), 3);
  EXPECT_EQ(Run({"ns", "reembed", "points", "--embedder", "lexical"}), 3);
  EXPECT_EQ(Run({"ns", "reembed", "nothing", "--embedder", "lexical"}), 1);
}

}  // namespace
}  // namespace nearhit
