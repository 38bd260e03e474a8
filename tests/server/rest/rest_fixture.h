// The calls over HTTP, on a server in this process.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "nearhit/database.h"
#include "net/http_client.h"
#include "server/core/service_core.h"
#include "server/rest/rest_api.h"
#include "tests/server/http/http_reply.h"
#include "tests/server/http/http_server_fixture.h"

namespace nearhit::server {

// What the server answered.
struct RestReply : HttpReply {
  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  std::string code() const { return Error("code"); }
  std::string message() const { return Error("message"); }

 private:
  std::string Error(const char* member) const {
    const nlohmann::json all = json();
    return all.is_object() && all.contains("error") ? all["error"][member].get<std::string>() : "";
  }
};

// A cache "c" with the embedder "lexical", a cache "d" of two components without one, and vectors
// "v" of two components.
class RestTest : public testing::Test, protected HttpServerFixture {
 protected:
  RestTest() : HttpServerFixture(Wire::kPlain) {}

  void SetUp() override { Begin(ServerOptions()); }
  // Before SetUp: the data are in memory otherwise, and backups are refused.
  void StoreIn(const std::filesystem::path& data, const std::filesystem::path& backups) {
    data_ = data;
    backups_.directory = backups;
  }

  void Begin(const ServerOptions& serving) {
    DatabaseOptions storage;
    storage.path = data_;
    storage.in_memory = data_.empty();
    storage.background_maintenance = false;
    auto db = Database::Open(storage);
    ASSERT_THAT(db, IsOk());
    db_ = *std::move(db);
    NamespaceConfig config;
    config.embedder.kind = "lexical";
    ASSERT_THAT(db_->CreateNamespace("c", config), IsOk());
    config = {};
    config.dimension = 2;
    ASSERT_THAT(db_->CreateNamespace("d", config), IsOk());
    config.kind = NamespaceKind::kVectors;
    ASSERT_THAT(db_->CreateNamespace("v", config), IsOk());
    core_ = std::make_unique<ServiceCore>(db_.get(), serving, "", backups_);
    api_ = std::make_unique<RestApi>(core_.get());
    Serve([this](HttpServerRequest request, ResponderPtr responder) {
      api_->OnRequest(std::move(request), std::move(responder));
    });
  }

  void TearDown() override {
    server_.reset();
    if (core_ != nullptr) {
      EXPECT_THAT(core_->Stop(true), IsOk());
    }
    api_.reset();
    core_.reset();
    db_.reset();
  }

  RestReply Send(const std::string& method, const std::string& path, const std::string& body,
                 const std::vector<HttpHeader>& headers) const {
    const std::string url =
        "http://127.0.0.1:" + std::to_string(server_->port()) + "/nearhit/v1/" + path;
    return {SendRequest(client_, {.method = method, .url = url, .headers = headers, .body = body})};
  }

  RestReply Post(const std::string& path, const std::string& body,
                 std::vector<HttpHeader> headers = {}) const {
    headers.push_back({.name = "content-type", .value = "application/json"});
    return Send("POST", path, body, headers);
  }

  std::filesystem::path data_;
  BackupPlace backups_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<ServiceCore> core_;
  std::unique_ptr<RestApi> api_;
  HttpClient client_;
};

}  // namespace nearhit::server
