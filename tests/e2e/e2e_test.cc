// The programs as they are shipped: nearhitd and nearhit, each a process, over a Unix socket.
#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/process.h"
#include "tests/support/colour_model.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr seconds kPatience{60};

class EndToEndTest : public testing::Test {
 protected:
  void SetUp() override {
    Write("nearhit.toml", "[server]\nlisten = \"\"\nunix_socket = \"" + Path("socket") +
                              "\"\n[storage]\npath = \"" + Path("data") +
                              "\"\n[embedding]\nmodel_folder = \"" + Path("model") + "\"\n");
    WriteColourModel(Path("model"));
    Start();
  }

  std::string Path(const std::string& name) const { return (dir_.path() / name).string(); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }

  // Starts the daemon and waits until it answers.
  void Start() {
    daemon_ = std::make_unique<Process>(
        std::vector<std::string>{NEARHITD_PROGRAM, "--config", Path("nearhit.toml")},
        Path("daemon.out"), Path("daemon.err"));
    ASSERT_TRUE(Eventually([this] { return Run({"--timeout", "1", "ping"}) == 0 || Ended(); }));
    ASSERT_FALSE(Ended()) << ReadAll(Path("daemon.err"));
  }

  bool Ended() { return daemon_->Wait(seconds(0)).has_value(); }

  // Ends the daemon with `signal`; returns its exit code.
  std::optional<int> Stop(int signal) {
    daemon_->Signal(signal);
    return daemon_->Wait(kPatience);
  }

  // Runs the command line to its end; returns its exit code. out_ and err_ hold what it wrote.
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {NEARHIT_PROGRAM, "--target", "unix:" + Path("socket")});
    Process process(arguments, Path("out"), Path("err"));
    const int code = process.Wait(kPatience).value_or(-1);
    out_ = ReadAll(Path("out"));
    err_ = ReadAll(Path("err"));
    return code;
  }

  void CreateFaq() {
    ASSERT_EQ(Run({"ns", "create", "faq", "--embedder", "lexical", "--threshold", "0.85"}), 0)
        << err_;
  }

  // Runs `nearhit store` again and again and ends the daemon with `signal` in the middle of it.
  // Returns the daemon's exit code; acknowledged.txt holds the prompts whose store succeeded.
  std::optional<int> StopAmidStores(int signal) {
    constexpr int kBefore = 20;
    std::ofstream acknowledged(Path("acknowledged.txt"));
    std::thread stopper;
    int code = 0;
    for (int i = 0; code == 0; ++i) {
      if (i == kBefore) {
        stopper = std::thread([this, signal] { daemon_->Signal(signal); });
      }
      const std::string prompt = "What does error " + std::to_string(i) + " mean?";
      code = Run({"--timeout", "10", "store", "-n", "faq", prompt, "It means " + prompt});
      if (code == 0) {
        acknowledged << prompt << '\n';
      }
    }
    stopper.join();
    EXPECT_EQ(code, 4) << err_;
    return daemon_->Wait(kPatience);
  }

  TempDir dir_;
  std::unique_ptr<Process> daemon_;
  std::string out_;
  std::string err_;
};

TEST_F(EndToEndTest, HitsAndMissesAreExitCodes) {
  CreateFaq();
  EXPECT_EQ(Run({"ns", "create", "faq"}), 3);
  EXPECT_EQ(Run({"store", "-n", "faq", "How do I reset my password?", "Settings > Security"}), 0);
  EXPECT_EQ(Run({"lookup", "-n", "faq", "How do I reset my password?"}), 0);
  EXPECT_THAT(out_, HasSubstr("exact hit"));
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--answer-only", "how do I RESET my password"}), 0);
  EXPECT_EQ(out_, "Settings > Security");
  EXPECT_EQ(Run({"lookup", "-n", "faq", "How do I delete my account?"}), 1);
  EXPECT_THAT(out_, HasSubstr("miss (below_threshold)"));
  EXPECT_EQ(Run({"lookup", "-n", "nobody", "anything"}), 1);
}

TEST_F(EndToEndTest, NamespacesWithoutAWordGetTheModel) {
  EXPECT_EQ(Run({"ns", "create", "colours", "--threshold", "0.7"}), 0) << err_;
  EXPECT_EQ(Run({"store", "-n", "colours", "red", "like blood"}), 0) << err_;
  EXPECT_EQ(Run({"lookup", "-n", "colours", "--answer-only", "crimson"}), 0) << err_;
  EXPECT_EQ(out_, "like blood");
  EXPECT_EQ(Run({"lookup", "-n", "colours", "blue"}), 1);
  EXPECT_EQ(Run({"similar", "-n", "colours", "red", "crimson"}), 0) << err_;
  EXPECT_EQ(out_, "0.8000\n");
  EXPECT_EQ(Run({"embed", "-n", "colours", "blue"}), 0) << err_;
  EXPECT_EQ(out_, "{\"vector\":[0.0,1.0]}\n");
  EXPECT_EQ(Run({"embed", "-n", "colours"}), 0) << err_;  // of the lines of an empty input
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Run({"ns", "create", "exact", "--embedder", "none"}), 0) << err_;
  EXPECT_EQ(Run({"embed", "-n", "exact", "blue"}), 3);
}

TEST_F(EndToEndTest, ModelToolsNeedNoDaemon) {
  EXPECT_EQ(Stop(SIGTERM), 0);
  EXPECT_EQ(Run({"similar", "--model", Path("model"), "red", "crimson"}), 0) << err_;
  EXPECT_EQ(out_, "0.8000\n");
  EXPECT_EQ(Run({"model", "verify", Path("model")}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("no vectors are shipped"));
  Write("model/model.safetensors", "torn");
  EXPECT_EQ(Run({"model", "verify", Path("model")}), 2);
  EXPECT_THAT(err_, HasSubstr("model.safetensors"));
}

TEST_F(EndToEndTest, ImportSurvivesKill) {
  std::string prompts;
  std::string records;
  for (int i = 0; i < 500; ++i) {
    const std::string prompt = "What does error " + std::to_string(i) + " mean?";
    prompts += prompt + '\n';
    records += R"({"prompt":")" + prompt + R"(","answer":"It means )" + std::to_string(i) + "\"}\n";
  }
  Write("prompts.txt", prompts);
  Write("faq.jsonl", records);
  EXPECT_EQ(Run({"import", "-n", "faq", Path("faq.jsonl"), "--create", "--embedder", "lexical"}),
            0);
  EXPECT_THAT(out_, HasSubstr("500 imported, 0 replaced, 0 bad"));
  EXPECT_EQ(Stop(SIGKILL), 128 + SIGKILL);
  EXPECT_EQ(Run({"--timeout", "1", "lookup", "-n", "faq", "anything"}), 4);
  Start();
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--lines", Path("prompts.txt")}), 0);
  EXPECT_THAT(err_, HasSubstr("500 lines: 500 exact"));
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--answer-only", "What does error 77 mean?"}), 0);
  EXPECT_EQ(out_, "It means 77");
}

TEST_F(EndToEndTest, AcknowledgedStoresSurviveKill) {
  CreateFaq();
  EXPECT_EQ(StopAmidStores(SIGKILL), 128 + SIGKILL);
  Start();
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--exact", "--lines", Path("acknowledged.txt")}), 0)
      << err_;
}

TEST_F(EndToEndTest, LookupStreamEndsWithItsDaemon) {
  CreateFaq();
  std::string lines;
  for (int i = 0; i < 1'000'000; ++i) {  // far more than are answered until the daemon is killed
    lines += "question " + std::to_string(i) + '\n';
  }
  Write("lines.txt", lines);
  Process lookups({NEARHIT_PROGRAM, "--target", "unix:" + Path("socket"), "lookup", "-n", "faq",
                   "--lines", Path("lines.txt")},
                  Path("lookups.out"), Path("lookups.err"));
  EXPECT_TRUE(Eventually([this] { return !ReadAll(Path("lookups.out")).empty(); }))
      << ReadAll(Path("lookups.err"));
  EXPECT_EQ(Stop(SIGKILL), 128 + SIGKILL);
  EXPECT_EQ(lookups.Wait(kPatience), 4);
  EXPECT_THAT(ReadAll(Path("lookups.err")), HasSubstr(" misses, 0 errors"));
}

TEST_F(EndToEndTest, TerminationDrainsAndIsSuccess) {
  CreateFaq();
  EXPECT_EQ(StopAmidStores(SIGTERM), 0);
  const std::string log = ReadAll(Path("daemon.err"));
  EXPECT_THAT(log, HasSubstr("SIGTERM: stopping"));
  EXPECT_THAT(log, HasSubstr("stopped"));
  EXPECT_THAT(log, testing::Not(HasSubstr("What does error")));  // logs hold no prompts
  Start();
  EXPECT_EQ(Run({"lookup", "-n", "faq", "--exact", "--lines", Path("acknowledged.txt")}), 0)
      << err_;
}

TEST_F(EndToEndTest, HangUpReloads) {
  const std::string config = ReadAll(Path("nearhit.toml"));
  Write("nearhit.toml",
        config + "[log]\nfile = \"" + Path("log") + "\"\n[[namespace]]\nname = 'added'\n");
  daemon_->Signal(SIGHUP);
  EXPECT_TRUE(Eventually([this] { return Run({"ns", "describe", "added"}) == 0; })) << err_;
  EXPECT_EQ(Stop(SIGTERM), 0);
  EXPECT_THAT(ReadAll(Path("log")), HasSubstr("SIGHUP: the log is opened anew"));
}

// No proxy listens there: a call that went to it would fail.
TEST_F(EndToEndTest, CallsDoNotGoToAProxy) {
  ASSERT_EQ(Stop(SIGTERM), 0);
  Write("tcp.toml",
        "[server]\nlisten = \"127.0.0.1:0\"\n[storage]\nin_memory = true\n[log]\nfile = \"" +
            Path("tcp.log") + "\"\n[embedding]\nmodel_folder = ''\n");
  Process daemon({NEARHITD_PROGRAM, "--config", Path("tcp.toml")}, Path("tcp.out"),
                 Path("tcp.err"));
  const std::string before = "port ";
  std::string log;
  ASSERT_TRUE(Eventually([this, &log, &before] {
    log = ReadAll(Path("tcp.log"));
    return log.find(before) != std::string::npos;
  }));
  const int port = std::stoi(log.substr(log.find(before) + before.size()));
  ASSERT_EQ(setenv("http_proxy", "http://127.0.0.1:9", 1), 0);
  Process ping(
      {NEARHIT_PROGRAM, "--target", "127.0.0.1:" + std::to_string(port), "--timeout", "20", "ping"},
      Path("ping.out"), Path("ping.err"));
  EXPECT_EQ(ping.Wait(kPatience), 0) << ReadAll(Path("ping.err"));
  unsetenv("http_proxy");
}

TEST_F(EndToEndTest, SecondDaemonOnTheSameDataSaysSo) {
  Process second({NEARHITD_PROGRAM, "--listen", "127.0.0.1:0", "--data", Path("data")},
                 Path("second.out"), Path("second.err"));
  EXPECT_EQ(second.Wait(kPatience), 1);
  EXPECT_THAT(ReadAll(Path("second.err")), HasSubstr(Path("data")));
  EXPECT_THAT(ReadAll(Path("second.err")), HasSubstr("another process"));
  EXPECT_EQ(Run({"ping"}), 0);
}

TEST_F(EndToEndTest, CheckConfigNamesTheTypo) {
  Write("typo.toml", "[server]\nworkers = 4\nmax_qeue = 10\n");
  Process check({NEARHITD_PROGRAM, "--check-config", "--config", Path("typo.toml")},
                Path("check.out"), Path("check.err"));
  EXPECT_EQ(check.Wait(kPatience), 2);
  const std::string error = ReadAll(Path("check.err"));
  EXPECT_THAT(error, HasSubstr("typo.toml:3"));
  EXPECT_THAT(error, HasSubstr("max_qeue"));
  EXPECT_THAT(error, HasSubstr("max_queue"));
}

// Or systemd would try such a start for ever.
TEST_F(EndToEndTest, ANamespaceThatCannotBeMadeEndsTheStartWithTwo) {
  Write("bad.toml",
        "[storage]\nin_memory = true\n[server]\nlisten = '127.0.0.1:0'\n"
        "[[namespace]]\nname = 'a'\nmax_ttl_ms = 5\n");
  Process start({NEARHITD_PROGRAM, "--config", Path("bad.toml")}, Path("start.out"),
                Path("start.err"));
  EXPECT_EQ(start.Wait(kPatience), 2);
  EXPECT_THAT(ReadAll(Path("start.err")), HasSubstr("default_ttl_ms"));
}

}  // namespace
}  // namespace nearhit
