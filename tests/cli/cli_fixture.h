// Runs commands of the command line against a daemon in memory.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/run_cli.h"
#include "server/daemon/daemon.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {

// The daemon has a cache `faq` (lexical, threshold 0.8), a cache `plane` of dimension 2 and a
// namespace of vectors, `points`, of dimension 2.
class CliFixture : public testing::Test {
 protected:
  // What differs from that.
  virtual void Configure(server::Config* /*config*/) {}

  void SetUp() override { StartDaemon(); }
  void StartDaemon() {
    server::Config config;
    config.server.listen = "127.0.0.1:0";
    config.storage.in_memory = true;
    NamespaceConfig faq;
    faq.embedder.kind = "lexical";
    faq.threshold = 0.8F;
    NamespaceConfig plane;
    plane.dimension = 2;
    NamespaceConfig points = plane;
    points.kind = NamespaceKind::kVectors;
    config.namespaces = {{"faq", faq}, {"plane", plane}, {"points", points}};
    Configure(&config);
    auto daemon = server::Daemon::Start(config);
    ASSERT_THAT(daemon, IsOk());
    daemon_ = *std::move(daemon);
    target_ = "127.0.0.1:" + std::to_string(daemon_->server().port());
  }

  // Returns the exit code; out_ and err_ hold what was written.
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"nearhit", "--target", target_});
    std::vector<const char*> argv;
    argv.reserve(arguments.size());
    for (const std::string& argument : arguments) {
      argv.push_back(argument.c_str());
    }
    std::ostringstream out;
    std::ostringstream err;
    const int code = RunCli(static_cast<int>(argv.size()), argv.data(), out, err);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  // Writes a file into the test's directory; returns its path.
  std::string Write(const std::string& name, const std::string& bytes) {
    const auto path = dir_.path() / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }

  TempDir dir_;
  std::unique_ptr<server::Daemon> daemon_;
  std::string target_;
  std::string out_;
  std::string err_;
};

}  // namespace nearhit
