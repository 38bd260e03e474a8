// `nearhit backup`, and a daemon that is started on a copy of what it made.
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "tests/cli/cli_fixture.h"

namespace nearhit {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;

class BackupCommandTest : public CliFixture {
 protected:
  void Configure(server::Config* config) override {
    config->storage.in_memory = false;
    config->storage.path = data_;
    config->backup_dir = backups_;
    config->gateway.listen = "127.0.0.1:0";
    config->gateway.upstreams = {{.name = "u", .url = "http://127.0.0.1:1"}};
  }

  const std::filesystem::path data_ = dir_.path() / "data";
  const std::filesystem::path backups_ = dir_.path() / "backups";
};

TEST_F(BackupCommandTest, ACopyOfItIsADatabase) {
  ASSERT_EQ(Run({"store", "-n", "faq", "a question", "an answer"}), kExitOk) << err_;
  ASSERT_EQ(Run({"backup", "monday"}), kExitOk) << err_;
  EXPECT_THAT(out_, MatchesRegex((backups_ / "monday").string() + " [0-9.]+ KiB\n"));
  EXPECT_EQ(Run({"backup", "monday"}), kExitRefused);
  EXPECT_THAT(err_, HasSubstr("exists"));
  ASSERT_EQ(Run({"store", "-n", "faq", "another", "of tuesday"}), kExitOk) << err_;
  ASSERT_EQ(Run({"--json", "backup", "tuesday"}), kExitOk) << err_;
  const json made = json::parse(out_);
  EXPECT_EQ(made.at("directory"), (backups_ / "tuesday").string());
  EXPECT_GT(made.at("files"), 3);
  EXPECT_TRUE(std::filesystem::exists(backups_ / "tuesday" / "gateway-secret"));

  daemon_.reset();
  std::filesystem::remove_all(data_);
  std::filesystem::copy(backups_ / "monday", data_, std::filesystem::copy_options::recursive);
  StartDaemon();
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--answer-only", "a question"}), kExitOk) << err_;
  EXPECT_EQ(out_, "an answer");
  EXPECT_EQ(Run({"lookup", "-n", "faq", "another"}), kExitNotFound);
  ASSERT_EQ(Run({"--json", "stats"}), kExitOk) << err_;
  EXPECT_EQ(json::parse(out_).at("lost_sequences"), 0);
}

class NoBackupsTest : public CliFixture {};

TEST_F(NoBackupsTest, SaysWhatIsNotSet) {
  EXPECT_EQ(Run({"backup", "monday"}), kExitRefused);
  EXPECT_THAT(err_, HasSubstr("storage.backup_dir"));
}

}  // namespace
}  // namespace nearhit
