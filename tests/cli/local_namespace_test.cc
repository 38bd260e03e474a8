// A namespace with a model on the server: its flags, and what the answers say of it.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "tests/cli/cli_fixture.h"
#include "tests/engine/model/tiny_model.h"

namespace nearhit {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class LocalNamespaceTest : public CliFixture {
 protected:
  nlohmann::json Describe() {
    EXPECT_EQ(Run({"--json", "ns", "describe", "m"}), kExitOk) << err_;
    return nlohmann::json::parse(out_);
  }

  TinyModel model_;
};

TEST_F(LocalNamespaceTest, FlagsChooseHowTheModelIsUsed) {
  ASSERT_EQ(Run({"ns", "create", "m", "--embedder", "local", "--embedder-model",
                 model_.path().string(), "--embedder-prefix", "red ", "--embedder-arithmetic",
                 "float32", "--embedder-long-text", "windows"}),
            kExitOk)
      << err_;
  EXPECT_THAT(Describe()["embedder"].get<std::string>(), EndsWith("/float32/mean/12-windows/red "));
  EXPECT_EQ(Run({"ns", "create", "b", "--embedder", "local", "--embedder-long-text", "cut"}),
            kExitUsage);
  EXPECT_EQ(Run({"ns", "create", "b", "--embedder", "lexical", "--embedder-prefix", "red "}),
            kExitRefused);
  EXPECT_THAT(err_, HasSubstr("prefix of 4 bytes is set, but only kind \"local\" uses it"));
}

TEST_F(LocalNamespaceTest, AMissSaysThatTheTextWasNotRead) {
  ASSERT_EQ(
      Run({"ns", "create", "m", "--embedder", "local", "--embedder-model", model_.path().string()}),
      kExitOk)
      << err_;
  EXPECT_EQ(Run({"--json", "lookup", "-n", "m", "red green"}), kExitNotFound);
  EXPECT_EQ(nlohmann::json::parse(out_)["miss_reason"], "text_not_read");
  EXPECT_EQ(Run({"--json", "lookup", "-n", "m", "red"}), kExitNotFound);
  EXPECT_EQ(nlohmann::json::parse(out_)["miss_reason"], "empty");
  EXPECT_EQ(Run({"store", "-n", "m", "red", "answer"}), kExitOk);
  const nlohmann::json stats = Describe()["stats"];
  EXPECT_EQ(stats["texts_not_read"], 1);
  EXPECT_EQ(stats["entries_without_vector"], 0);
  EXPECT_EQ(stats["embedder_memo_hits"], 1);
  EXPECT_EQ(stats["embedder_memo_misses"], 2);
}

}  // namespace
}  // namespace nearhit
