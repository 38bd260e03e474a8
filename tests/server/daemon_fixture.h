// A daemon in memory, on a free port, and a client of it.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "server/daemon/daemon.h"
#include "tests/server/client.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {

inline NamespaceConfig EmbeddedBy(const char* kind) {
  NamespaceConfig config;
  config.embedder.kind = kind;
  return config;
}

class DaemonFixture : public testing::Test {
 protected:
  // Listens where a test can have its own port, and keeps its data in memory, whatever `config`
  // says.
  void Start(Config config, const grpc::ChannelArguments& arguments = {}) {
    config.server.listen = "127.0.0.1:0";
    config.storage.in_memory = true;
    auto daemon = Daemon::Start(config);
    ASSERT_THAT(daemon, IsOk());
    daemon_ = *std::move(daemon);
    client_.emplace(daemon_->server().port(), arguments);
  }

  Daemon& daemon() { return *daemon_; }
  Client& client() { return *client_; }

 private:
  std::unique_ptr<Daemon> daemon_;
  std::optional<Client> client_;
};

}  // namespace nearhit::server
