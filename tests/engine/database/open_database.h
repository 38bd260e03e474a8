// A database in memory on a clock that the test moves, with the verbs that tests use.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nearhit/database.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace nearhit {

class DatabaseTest : public testing::Test {
 protected:
  static NamespaceConfig CacheConfig(std::uint32_t dimension = 2) {
    NamespaceConfig config;
    config.dimension = dimension;
    config.threshold = 0.9F;
    config.guards_off = GuardSet::All();  // the tests give vectors to texts that only count
    return config;
  }

  DatabaseTest() {
    DatabaseOptions options;
    options.in_memory = true;
    options.background_maintenance = false;
    options.max_payload_bytes = 1'000;
    options.now_us = [this] { return clock_.NowMicros(); };
    options.log = [this](LogLevel, const std::string& line) { log_.push_back(line); };
    options.steady_us = [this] { return clock_.SteadyMicros(); };
    db_ = *Database::Open(options);
  }

  std::shared_ptr<SemanticCache> NewCache(const NamespaceConfig& config) {
    EXPECT_THAT(db_->CreateNamespace("c", config), IsOk());
    return *db_->Cache("c");
  }

  static StoreRequest Request(std::string_view slot, const std::vector<float>& vector,
                              std::string_view answer = "answer", std::string_view scope = "s") {
    StoreRequest request;
    request.prompt = {.scope = scope, .slot = slot, .vector = vector};
    request.answer = answer;
    return request;
  }

  ManualClock clock_;
  std::vector<std::string> log_;  // its lines
  std::unique_ptr<Database> db_;
};

}  // namespace nearhit
